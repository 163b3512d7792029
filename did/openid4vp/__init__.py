"""What verifier and holder say to each other: OpenID for Verifiable Presentations 1.0.

Who asks (``client_id``), the link that a holder is asked with (``link``), the signed request
object behind it (``request``), the query in it (``dcql``), what answers that (``selection``,
``formats``), the answer (``response``). The HTTP exchange is in ``verifier.openid4vp`` and
``devices.openid4vp``.

A request here is always signed, by a DID that its ``client_id`` names with the prefix
``decentralized_identifier``: the holder then knows who asks, and its presentation is for that
client id, prefix included, and for nobody else.
"""
