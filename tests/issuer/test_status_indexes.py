"""Who gets which entry of which list: at random, once, and spread over lists as they fill."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER, actor
from issuing import URL, World
from sqlalchemy import Engine, select, update

from did.errors import Conflict, Invalid
from did.vc.bitstring import MINIMUM_ENTRIES
from did.vc.formats import read_credential
from did.vc.status_list import (
    MESSAGE,
    REVOCATION,
    SUSPENSION,
    StatusEntry,
    parse_list_subject,
    read_status,
)
from issuer import inventory
from issuer.status import publication
from issuer.status_indexes import allocate_one, set_credential
from issuer.status_terms import FULL, StatusTerms, status_messages
from issuer.store import open_store, status_indexes, status_lists

TEXTS = ("nothing", "battery low", "to be replaced")


def with_terms(world: World, **changes: object) -> None:
    """From now on the issuer keeps its lists otherwise."""
    world.issuer = replace(world.issuer, statuses=StatusTerms(**changes))  # type: ignore[arg-type] # of the test's choice


def name_of(entry: StatusEntry) -> str:
    return entry.list_url.removeprefix(f"{URL}/v1/status/")


def said(world: World, entry: StatusEntry) -> str:
    """What the published list says of an entry, in words."""
    found = publication(
        world.issuer.engine,
        world.issuer.identity,
        name_of(entry),
        terms=world.issuer.statuses,
        at=world.clock(),
    )
    subject = read_credential(found.content).subject
    return read_status(parse_list_subject(entry.list_url, subject), entry).message


def test_an_index_is_given_out_once_and_at_random(world: World) -> None:
    entries = [world.enrol(actor(f"device {n}")).statuses[0] for n in range(8)]
    indexes = [entry.index for entry in entries]
    assert max(Counter(indexes).values()) == 1
    assert indexes != sorted(indexes)
    with world.issuer.engine.begin() as connection:
        rows = connection.execute(select(status_indexes.c.list)).scalars().all()
        lists = connection.execute(select(status_lists.c.name, status_lists.c.allocated)).all()
    assert Counter(rows) == {"revocation-1": 8, "suspension-1": 8}
    assert sorted(map(tuple, lists)) == [("revocation-1", 8), ("suspension-1", 8)]


def test_indexes_are_spread_evenly(tmp_path: Path) -> None:
    """Against the order of issuing, and over the whole list: in each quarter its share of 400."""
    engine = open_store(tmp_path / "issuer.sqlite")
    with engine.begin() as connection:
        drawn = [
            allocate_one(connection, REVOCATION, credential=f"urn:x:{n}", url=URL).index
            for n in range(400)
        ]
    engine.dispose()
    assert len(set(drawn)) == len(drawn)
    shares = Counter(index * 4 // MINIMUM_ENTRIES for index in drawn)
    assert all(50 < shares[quarter] < 150 for quarter in range(4)), shares
    rises = sum(later > earlier for earlier, later in pairwise(drawn))
    assert 150 < rises < 250


def test_an_index_that_somebody_has_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 7, 7, 7, 8, 7, 9])
    monkeypatch.setattr("issuer.status_indexes.secrets.randbelow", lambda _: next(drawn))
    assert [entry.index for entry in world.enrol(DEVICE).statuses] == [7, 7]
    assert [entry.index for entry in world.enrol(STRANGER).statuses] == [8, 9]


def test_a_list_half_full_is_followed_by_another(world: World) -> None:
    first = world.enrol(DEVICE).statuses
    with world.issuer.engine.begin() as connection:
        connection.execute(
            update(status_lists)
            .where(status_lists.c.purpose == REVOCATION)
            .values(allocated=MINIMUM_ENTRIES // 2)
        )
    second = world.enrol(STRANGER).statuses
    assert [name_of(entry) for entry in first] == ["revocation-1", "suspension-1"]
    assert [name_of(entry) for entry in second] == ["revocation-2", "suspension-1"]
    inventory.revoke(world.issuer.engine, STRANGER.did, at=world.clock())
    assert said(world, second[0]) == "set"
    assert said(world, first[0]) == "unset"
    assert {entry.purpose for entry in second} == {REVOCATION, SUSPENSION}


def test_lists_are_begun_as_they_fill_and_all_stay_published(world: World) -> None:
    with_terms(world, full=2)
    fleet = [actor(f"device {n}") for n in range(5)]
    entries = [world.enrol(each).statuses[1] for each in fleet]
    assert [name_of(entry) for entry in entries] == [f"suspension-{n}" for n in (1, 1, 2, 2, 3)]
    inventory.suspend(world.issuer.engine, *(each.did for each in fleet), at=world.clock())
    assert {said(world, entry) for entry in entries} == {"set"}
    inventory.reinstate(world.issuer.engine, fleet[0].did)
    assert [said(world, entry) for entry in entries] == ["unset", "set", "set", "set", "set"]
    for n in (1, 2, 3):
        assert world.http.get(f"/v1/status/suspension-{n}").status_code == 200


def test_an_issuer_that_moves_begins_new_lists(world: World) -> None:
    """Entries name the URL that their list had, for good."""
    first = world.enrol(DEVICE).statuses[0]
    world.issuer = replace(world.issuer, url="https://elsewhere.example")
    with world.issuer.engine.begin() as connection:
        moved = allocate_one(connection, REVOCATION, credential="urn:x:1", url=world.issuer.url)
    assert first.list_url == f"{URL}/v1/status/revocation-1"
    assert moved.list_url == "https://elsewhere.example/v1/status/revocation-2"


@contextmanager
def several(path: Path, count: int) -> Iterator[list[Engine]]:
    """One store opened as often as processes would."""
    with ExitStack() as stack:
        engines = [open_store(path) for _ in range(count)]
        for engine in engines:
            stack.callback(engine.dispose)
        yield engines


def test_who_allocates_at_once_gets_entries_of_their_own(tmp_path: Path) -> None:
    """Against two that draw the same index, or begin the same list."""

    def draw(engine: Engine, who: int) -> list[StatusEntry]:
        found = []
        for n in range(20):
            with engine.begin() as connection:
                name = f"urn:x:{who}:{n}"
                found.append(
                    allocate_one(connection, REVOCATION, credential=name, url=URL, full=16)
                )
        return found

    with several(tmp_path / "issuer.sqlite", 4) as engines, ThreadPoolExecutor(4) as pool:
        drawn = [e for each in pool.map(draw, engines, range(4)) for e in each]
        with engines[0].connect() as connection:
            filled = connection.execute(select(status_lists.c.allocated)).scalars().all()
    assert len({(entry.list_url, entry.index) for entry in drawn}) == 80
    assert filled == [16] * 5


def test_credentials_of_no_device_have_a_status_too(world: World) -> None:
    with world.issuer.engine.begin() as connection:
        entry, other = (
            allocate_one(connection, SUSPENSION, credential=f"urn:x:{n}", url=URL) for n in (1, 2)
        )
        assert not set_credential(connection, "urn:x:1", REVOCATION, 1)
        assert not set_credential(connection, "urn:x:3", SUSPENSION, 1)
    assert said(world, entry) == "unset"
    with world.issuer.engine.begin() as connection:
        assert set_credential(connection, "urn:x:1", SUSPENSION, 1)
        assert set_credential(connection, "urn:x:1", SUSPENSION, 1)
    assert (said(world, entry), said(world, other)) == ("set", "unset")
    with world.issuer.engine.begin() as connection:
        assert set_credential(connection, "urn:x:1", SUSPENSION, 0)
    assert said(world, entry) == "unset"


def test_what_may_be_said_is_in_the_credential_and_in_the_list(world: World) -> None:
    assert [e.purpose for e in world.enrol(STRANGER).statuses] == [REVOCATION, SUSPENSION]
    with_terms(world, messages=TEXTS)
    entry = world.enrol(DEVICE).statuses[2]
    assert (entry.purpose, entry.size) == (MESSAGE, 2)
    assert [m.text for m in entry.messages] == [*TEXTS, "undefined"]
    assert said(world, entry) == "nothing"
    inventory.tell(world.issuer.engine, DEVICE.did, message="to be replaced")
    assert said(world, entry) == "to be replaced"
    inventory.tell(world.issuer.engine, DEVICE.did, message="battery low")
    assert said(world, entry) == "battery low"
    assert inventory.show(world.issuer.engine, DEVICE.did).message == "battery low"


def test_a_later_credential_says_what_was_told_before(world: World) -> None:
    with_terms(world, messages=TEXTS)
    world.enrol(DEVICE)
    inventory.tell(world.issuer.engine, DEVICE.did, message="battery low")
    assert said(world, world.enrol(DEVICE).statuses[2]) == "battery low"
    with_terms(world, messages=("fine", "other"))
    assert said(world, world.enrol(DEVICE).statuses[2]) == "fine"


def test_other_messages_are_of_other_lists(world: World) -> None:
    """Entries keep the meaning that their credential states."""
    with_terms(world, messages=TEXTS)
    first = world.enrol(DEVICE).statuses[2]
    with_terms(world, messages=("fine", "battery low"))
    second = world.enrol(DEVICE).statuses[2]
    assert [name_of(first), name_of(second)] == ["message-1", "message-2"]
    inventory.tell(world.issuer.engine, DEVICE.did, message="battery low")
    assert [said(world, first), said(world, second)] == ["battery low", "battery low"]
    inventory.tell(world.issuer.engine, DEVICE.did, message="to be replaced")
    assert [said(world, first), said(world, second)] == ["to be replaced", "fine"]


def test_what_no_credential_can_say(world: World) -> None:
    world.enrol(STRANGER)
    with_terms(world, messages=TEXTS)
    entry = world.enrol(DEVICE).statuses[2]
    for dids, message in (
        ([STRANGER.did], "battery low"),
        ([DEVICE.did], "undefined"),
        ([DEVICE.did, STRANGER.did], "battery low"),
    ):
        with pytest.raises(Conflict) as caught:
            inventory.tell(world.issuer.engine, *dids, message=message)
        assert caught.value.code == "message_not_known"
    assert said(world, entry) == "nothing", "of all, or of none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": ("one",)},
        {"messages": ("one", "one")},
        {"messages": ("one", " ")},
        {"messages": ("one", "x" * 129)},
        {"messages": ("one", "undefined")},
        {"messages": tuple(map(str, range(257)))},
        {"full": 0},
        {"full": FULL + 1},
        {"ttl": StatusTerms().ttl * 2, "lifetime": StatusTerms().ttl},
    ],
    ids=str,
)
def test_terms_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        StatusTerms(**wrong)  # type: ignore[arg-type] # of the test's choice
    assert caught.value.code == "invalid_status_terms"


@pytest.mark.parametrize(("count", "values"), [(0, 0), (2, 2), (3, 4), (4, 4), (5, 8), (256, 256)])
def test_each_value_has_a_message(count: int, values: int) -> None:
    messages = status_messages(StatusTerms(messages=tuple(map(str, range(count)))).messages)
    assert [each.value for each in messages] == list(range(values))
    assert [each.text for each in messages[count:]] == ["undefined"] * (values - count)
