"""Verifiers: they decide whether the thing at the door is the device that it says it is.

::

    verifier = open_verifier(Path("trust.toml"), Path("state"), audience="https://door.example")
    challenge = verifier.challenge(at=now())                     # to the device
    device = verifier.admit(presentation, at=now())              # from the device; or it raises
"""

from verifier.opening import open_verifier, verifier_at
from verifier.trust_file import load_trust_root
from verifier.trust_root import TrustRoot
from verifier.verifier import AuthenticatedDevice, VerifiedCredential, Verifier

__all__ = [
    "AuthenticatedDevice",
    "TrustRoot",
    "VerifiedCredential",
    "Verifier",
    "load_trust_root",
    "open_verifier",
    "verifier_at",
]
