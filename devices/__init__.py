"""Devices: each makes its own identity, is enrolled and registered, and presents itself.

``devices.store`` is what a device keeps, ``devices.agent`` what acts for it: with an issuer over
OpenID4VCI (``devices.enrolment``), on the log (``ledger.controller``), and with verifiers
(``devices.presenting``). ``devices.fleet`` is many of them at once.
"""
