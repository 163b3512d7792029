"""``make bench-reading``: what it costs to read a credential, beside the check of its signature.

One process reads one credential of ours over and over, in each format that our issuers give, in one
pass (``did.vc.usual_form``) and as the general reader does. The raw limit is PyNaCl's own check of
one Ed25519 signature; all is said as a ratio to it, so that the machine counts for little. Nothing
has a floor.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import click
from nacl.signing import SigningKey as RawKey

from bench.table import Row, bar, show
from did.identifier import Genesis, KeybornDid
from did.keys import SigningKey
from did.vc.credential import PROVISIONING, build_credential
from did.vc.formats import Format, read_credential, read_generally, secure_credential
from did.vc.status_list import REVOCATION, StatusEntry

FORMATS: Final = (Format.LDP_VC, Format.VC_JWT, Format.VC_COSE)
_ROUNDS: Final = 5  # of each the quickest counts: what else runs here only ever adds


@click.command()
@click.option("--times", type=click.IntRange(1), default=4_000, help="Readings in each round.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def reading(*, times: int, as_json: bool) -> None:
    """Read credentials, and say how often a signature is checked in the time of one reading."""
    raw = RawKey.generate()
    signed = raw.sign(bytes(64))
    with bar("reading credentials", 1 + 2 * len(FORMATS)) as advance:
        unit = seconds(lambda: raw.verify_key.verify(signed), times)
        advance(1)
        rows = []
        for format_ in FORMATS:
            data = credential(format_, SigningKey.generate())
            for how, read in (("in one pass", read_credential), ("generally", read_generally)):
                taken = seconds(partial(read, data, format_), times)
                rows.append(Row(f"{format_}, {how}", taken / unit, "checks"))
                advance(1)
    show(f"One reading, in checks of one signature ({unit * 1e6:.1f} us)", rows, as_json=as_json)


def credential(format_: Format, key: SigningKey) -> bytes:
    """A credential like those of our issuers, built and signed with ``key``."""
    did = KeybornDid.born(Genesis.of(key.public_key(), key.public_key())).canonical
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    document = build_credential(
        PROVISIONING,
        issuer=did,
        subject={"id": did.text, "logId": "0" * 64, "model": "Lamp 3", "roles": ["light"]},
        valid_from=now,
        statuses=[StatusEntry(REVOCATION, 7, "https://issuer.example/v1/status/1")],
    )
    return secure_credential(document, key, issuer=did, created=now, format=format_)


def seconds(act: Callable[[], object], times: int) -> float:
    """What ``act`` takes once, of the quickest of several rounds of so many ``times``."""

    def once() -> float:
        start = time.perf_counter()
        for _ in range(times):
            act()
        return time.perf_counter() - start

    return min(once() for _ in range(_ROUNDS)) / times


if __name__ == "__main__":
    reading()
