"""What ``keyborn ledger follow`` says of each thing that happens."""

import orjson

from did.errors import shorten
from did.jcs import JsonObject
from ledger.following.follower import Alarm, Event, Failing, Moved, Recovered, Reorganised
from ledger.log import Head
from ledger.report import head_json, head_time


def event_json(event: Event) -> str:
    """One line of JSON; ``event`` in it names what happened."""
    return orjson.dumps(_json(event)).decode()


def event_text(event: Event) -> tuple[str, bool]:
    """One line to be read, and whether it is data; what is not is about the reading itself."""
    match event:
        case Moved(heads):
            latest, safe, final = heads.latest, heads.safe, heads.finalized
            places = f"latest {latest.sequence}, safe {safe.sequence}, finalized {final.sequence}"
            return f"{head_time(latest)} {places}, head {latest.head.hex()}", True
        case Reorganised(left, common, found):
            rolled = f"rolled back from entry {left.sequence} to entry {common}"
            return f"{head_time(found)} {rolled}, now at entry {found.sequence}", True
        case Alarm(error):
            return f"alarm: {error.message} [{error.code}]", True
        case Failing(error):
            got = "" if error.value is None else f" (got {shorten(error.value)})"
            return (
                f"cannot read the log, and tries again: {error.message}{got} [{error.code}]",
                False,
            )
        case Recovered():
            return "reads the log again", False


def _json(event: Event) -> JsonObject:
    match event:
        case Moved(heads):
            return {
                "event": "heads",
                "latest": head_json(heads.latest),
                "safe": head_json(heads.safe),
                "finalized": head_json(heads.finalized),
            }
        case Reorganised(left, common, found):
            return {
                "event": "reorganised",
                "from": head_json(left),
                "common": common,
                "to": head_json(found),
            }
        case Alarm(error):
            return {
                "event": "alarm",
                "code": error.code,
                "message": error.message,
                "seen": _evidence(error.finding.seen),
                "shown": _evidence(error.finding.shown),
            }
        case Failing(error):
            return {
                "event": "failing",
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "value": None if error.value is None else shorten(error.value),
            }
        case Recovered():
            return {"event": "recovered"}


def _evidence(head: Head) -> JsonObject:
    """A head with what proved it."""
    return {
        **head_json(head),
        "finality": head.finality.value,
        "evidence": head.evidence.hex(),
    }
