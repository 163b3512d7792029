"""The measurements of gas: that they measure what they say, and notice what is amiss."""

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from pages import DOCS, fences

from bench.appends import Appends, Device, Writer, check, measure_appends
from bench.erc1056 import Erc1056, measure_erc1056
from bench.gas import show, table, text
from did.errors import Invalid, Unavailable
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode, find_anvil, running_anvil
from ledger.operations import Create

OURS = Appends(
    creates=2_000,
    updates=700,
    deployment=250_000,
    first=53_000,
    alone=37_000,
    many_creates=2_600 * 2_000,
    rotations=6_800 * 700,
    deactivations=5_500 * 700,
)
THEIRS = Erc1056(
    set_attribute=50_000,
    set_attribute_signed=80_000,
    set_attribute_signed_again=45_000,
    change_owner=70_000,
)


@pytest.fixture(scope="module")
def quiet_anvil() -> Iterator[AnvilNode]:
    """It mines when it is told to."""
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with running_anvil(block_seconds=3_600) as chain:
        yield chain


def missed(ours: Appends) -> list[tuple[str, int]]:
    return [(row.what, row.count) for row in table(ours, THEIRS) if not row.met]


def test_what_takes_just_what_it_may_is_enough() -> None:
    assert missed(OURS) == []
    assert "missed" not in text(table(OURS, THEIRS), OURS.deployment)


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("many_creates", ("create", 2_000)),
        ("alone", ("create", 1)),
        ("rotations", ("rotate", 700)),
        ("deactivations", ("deactivate", 700)),
    ],
)
def test_one_gas_more_is_a_missed_floor(field: str, what: tuple[str, int]) -> None:
    worse = replace(OURS, **{field: getattr(OURS, field) + 1})
    assert missed(worse) == [what]
    assert text(table(worse, THEIRS), worse.deployment).count("missed") == 1


def test_numbers_are_rounded_against_us() -> None:
    rows = table(replace(OURS, many_creates=2_563 * 2_000 + 1), THEIRS)
    assert (rows[0].each, rows[0].ratio) == (2_563.1, 31.2)  # 80,000 / 2,563.0005 is 31.21


@pytest.mark.ethereum
@pytest.mark.npm
def test_a_small_run_measures_real_appends(quiet_anvil: AnvilNode) -> None:
    ours = measure_appends(quiet_anvil, creates=20, updates=7)
    assert ours.alone < ours.first < ours.alone + 20_000
    assert ours.alone < ours.many_creates < 20 * ours.alone
    assert 0 < ours.deactivations < ours.rotations


@pytest.mark.ethereum
@pytest.mark.npm
def test_an_operation_without_effect_is_noticed(quiet_anvil: AnvilNode) -> None:
    writer, device = Writer(quiet_anvil), Device.born()

    def checked(created: list[Device], ended: list[Device]) -> str | None:
        quiet_anvil.mine(FINALITY_DEPTH + 1)
        try:
            check(created, ended, quiet_anvil, writer.deployment)
        except Invalid as error:
            return error.code
        return None

    assert checked([device], []) == "bench_without_effect"
    writer.append([Create(device.genesis)])
    assert checked([device], []) is None
    assert checked([], [device]) == "bench_without_effect"
    writer.append([device.rotated(bytes(32))])  # signed for another log
    assert checked([device], []) == "bench_without_effect"
    device.newest = device.genesis.id
    for update in (device.rotated, device.deactivated):
        writer.append([update(writer.ledger.log_id)])
    assert checked([], [device]) is None
    assert checked([device], []) == "bench_without_effect"


@pytest.mark.ethereum
@pytest.mark.npm
def test_erc1056_takes_what_is_known_of_it(quiet_anvil: AnvilNode) -> None:
    theirs = measure_erc1056(quiet_anvil)
    assert 51_000 < theirs.set_attribute < 52_000
    assert 79_000 < theirs.set_attribute_signed < 81_000
    assert theirs.set_attribute_signed_again < theirs.set_attribute_signed
    assert 68_000 < theirs.change_owner < 69_500


def test_the_documentation_shows_this_table() -> None:
    page = (DOCS / "how-to" / "work-on-the-contract.md").read_text()
    (shown,) = (block.text for block in fences(page) if block.text.startswith("operation "))
    header, *lines = text(table(OURS, THEIRS), 0).splitlines()[:-1]
    first, *rows = shown.splitlines()
    assert first == header
    for row, line in zip(rows, lines, strict=True):
        what, gas, at_most = row[:45], row[45:56], row[56:65]
        assert (what, at_most) == (line[:45], line[56:65])
        assert not at_most.strip() or float(gas.replace(",", "")) <= int(at_most.replace(",", ""))


@pytest.mark.parametrize("met", [True, False])
def test_both_forms_say_whether_every_floor_is_held(
    met: bool,  # noqa: FBT001 - a parameter of the test
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = OURS if met else replace(OURS, alone=37_001)
    assert show(ours, THEIRS, as_json=True) is met
    answer = orjson.loads(capsys.readouterr().out)
    assert answer["met"] is met
    assert [row["met"] for row in answer["rows"]].count(False) == (0 if met else 1)
    assert show(ours, THEIRS, as_json=False) is met
    assert ("missed" in capsys.readouterr().out) is not met
