"""How far the verdicts can be trusted, measured again by anybody: `make validate` writes docs/validation.md.

Each part of the page is a module that measures and says what it found: `photographs`, `injection`, `truth`,
`sequences`, `drift` and `comparison`.
"""
