"""Verifiable credentials (W3C VC Data Model 2.0): model, proofs, presentations, status."""
