"""What is wrong with a trust root: ``keyborn doctor --trust``."""

from datetime import datetime
from pathlib import Path

from did.errors import KeybornError
from keyborn.checks import Check, Verdict, failed
from ledger.doctor.local import examine
from verifier.trust_file import load_trust_root


def examine_file(path: Path, now: datetime) -> list[Check]:
    """Whether the trust root in ``path`` can be read, and the log that it pins answers."""
    try:
        root = load_trust_root(path)
    except KeybornError as error:
        return [failed(str(path), error)]
    told = f"believes {len(root.issuers)} issuers on the log {root.log_id.hex()}"
    return [Check(str(path), Verdict.OK, told), *examine(root.network, now=now)]
