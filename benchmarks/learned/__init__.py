"""Whether the learned model earns its place: classical, dl and both on the same pictures; docs/learned_validation.md.

The program itself is used as a user would use it, by `learned.engine`; nothing is scored but its records.
"""
