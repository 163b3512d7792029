"""Keys, DIDs, documents, credentials and proofs: pure values and functions.

Nothing here does I/O or reads a clock. Every other package stands on this one, and what
two roles must agree on, they agree on here.
"""
