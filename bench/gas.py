"""``make bench-gas``: what a device costs on Ethereum, beside ERC-1056 on the same node.

It starts anvil with Osaka rules, appends real operations through ``EthereumLedger``, has a reader
replay them, and exits with 1 where a floor is missed.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Final

import click

from bench.appends import Appends, measure_appends
from bench.erc1056 import Erc1056, measure_erc1056
from did.errors import KeybornError
from keyborn.output import emit, json_option
from ledger.ethereum.anvil import running_anvil

# The most gas that one operation may take.
CREATE: Final = 2_600  # at 2,000 in one transaction
CREATE_ALONE: Final = 37_000
ROTATION: Final = 6_800  # at 700 in one transaction
DEACTIVATION: Final = 5_500  # at 700 in one transaction

_HOUR: Final = 3_600  # blocks come when they are mined, and at no other time


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: The operation.
        count: How many of it one transaction held.
        gas: What that transaction took.
        each: Gas of one operation, rounded up to a tenth.
        at_most: What one may take; None where there is no floor.
        ratio: ``setAttributeSigned`` takes so many times as much, rounded down to a tenth.
    """

    what: str
    count: int
    gas: int
    each: float
    at_most: int | None
    ratio: float

    @property
    def met(self) -> bool:
        """Whether it takes no more than it may."""
        return self.at_most is None or self.gas <= self.at_most * self.count


def table(ours: Appends, theirs: Erc1056) -> tuple[Row, ...]:
    """The rows, in the order in which they are shown."""

    def row(what: str, gas: int, *, count: int = 1, at_most: int | None = None) -> Row:
        each = Fraction(gas, count)
        return Row(
            what,
            count,
            gas,
            -(-each * 10 // 1) / 10,
            at_most,
            theirs.set_attribute_signed / each * 10 // 1 / 10,
        )

    return (
        row("create", ours.many_creates, count=ours.creates, at_most=CREATE),
        row("create", ours.alone, at_most=CREATE_ALONE),
        row("create, the log's first", ours.first),
        row("rotate", ours.rotations, count=ours.updates, at_most=ROTATION),
        row("deactivate", ours.deactivations, count=ours.updates, at_most=DEACTIVATION),
        row("ERC-1056 setAttribute", theirs.set_attribute),
        row("ERC-1056 setAttributeSigned", theirs.set_attribute_signed),
        row("ERC-1056 setAttributeSigned, again", theirs.set_attribute_signed_again),
        row("ERC-1056 changeOwner", theirs.change_owner),
    )


def text(rows: tuple[Row, ...], deployment: int) -> str:
    """The table for people."""
    lines = [
        f"{'operation':35}{'in one tx':>10}{'gas each':>11}{'at most':>9}{'setAttributeSigned':>20}"
    ]
    for row in rows:
        at_most = "" if row.at_most is None else f"{row.at_most:,}"
        missed = "" if row.met else "  missed"
        lines.append(
            f"{row.what:35}{row.count:>10,}{row.each:>11,.1f}{at_most:>9}"
            f"{f'{row.ratio:.1f} times':>20}{missed}"
        )
    lines.append(f"The contract took {deployment:,} gas, once. All operations took effect.")
    return "\n".join(lines)


def show(ours: Appends, theirs: Erc1056, *, as_json: bool) -> bool:
    """Print the table; whether every floor is held."""
    rows = table(ours, theirs)
    met = all(row.met for row in rows)
    data = {
        "rows": [{**asdict(row), "met": row.met} for row in rows],
        "deployment": ours.deployment,
        "met": met,
    }
    emit(data, as_json=as_json, human=text(rows, ours.deployment))
    return met


@click.command()
@json_option
def main(*, as_json: bool) -> None:
    """Measure the gas of creates, rotations and deactivations, beside ERC-1056."""
    try:
        with running_anvil(block_seconds=_HOUR) as chain:
            ours = measure_appends(chain)
            theirs = measure_erc1056(chain)
    except KeybornError as error:
        raise click.ClickException(f"{error.step}: {error.message}. {error.hint or ''}") from error
    if not show(ours, theirs, as_json=as_json):
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main(prog_name="bench.gas")
