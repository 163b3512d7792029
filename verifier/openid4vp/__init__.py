"""The verifier's half of OpenID for Verifiable Presentations 1.0.

Who asks (``identity``), what may be asked (``queries``), requests while they are under way
(``requests``), the exchange itself (``exchange``), and its routes (``routes``).

Threat model: whoever knows a request's link can fetch what it asks, and answer it, with a
credential of their own. They cannot learn the outcome, which only the asker's secret shows, nor
have an answer count that was made for another request or another verifier. Whoever may ask, by the
token, has this verifier's name signed under a query of theirs.
"""
