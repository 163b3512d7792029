"""Proof files: what a log says of one DID, to be verified by somebody who is offline.

``docs/reference/state-proof.md`` has the format, and what it proves and does not.

==========  =================================================================
``form``    the file: parsed strictly, written in its one encoding
``making``  from a log that was read to a proof
``check``   what a proof proves; pure, and the other half of ``making``
``report``  proofs as people read them
==========  =================================================================
"""
