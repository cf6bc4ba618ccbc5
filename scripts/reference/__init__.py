"""The reference pages and the manual page, made from the parsers and types; nothing written twice.

`python -m scripts.reference` writes them, tests/docs/test_reference.py says when they are stale.
"""
