"""Sessions of admitted devices, for a proxy that asks of each request whether it may pass.

What a session is and when it ends (``session``), where sessions are kept (``store``), opened,
looked at and closed (``admission``), over HTTP (``routes``).

Threat model: whoever has a session's token is taken for its device until the session ends, or the
device is refused. Who can read the store learns which devices came and what they presented; there
is no token in it. Who can modify it can end sessions, and open some for devices whose credentials
they have a copy of; they cannot have a device pass that the verifier would refuse now.
"""
