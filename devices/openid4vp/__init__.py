"""The holder's half of OpenID for Verifiable Presentations 1.0.

A request is fetched and verified (``requests``), then answered with what it asks for of what the
device has (``answering``).
"""
