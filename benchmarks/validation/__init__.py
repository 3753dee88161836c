"""How far the verdicts can be trusted, measured again by anybody: `make validate` writes docs/validation.md.

`photographs`, `injection`, `truth`, `repeatability`, `drift` and `comparison` measure; `accuracy_sections` and
`stability_sections` say what that means; `page` and `charts` write it down.
"""
