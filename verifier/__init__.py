"""Verifiers: they decide whether the thing at the door is the device that it says it is.

::

    from verifier.opening import open_verifier

    verifier = open_verifier(Path("trust.toml"), Path("state"), audience="https://door.example")
    challenge = verifier.challenge(at=now())          # to the device
    device = verifier.admit(presentation, at=now())   # from the device; or it raises

``docs/examples/door.py`` is a whole service.
"""
