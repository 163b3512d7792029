"""An issuer, a verifier and a resolver to point the W3C's test suites at, in one process.

It stands above the roles, since it is put together of them; nothing stands on it. It is for this
machine alone: the issuer's key is the same everywhere and known to everybody, it signs whatever it
is given without asking who asks, and the verifier takes anybody's credentials
(``verifier.acceptance.UnsafeAcceptAnyIssuer``).
"""
