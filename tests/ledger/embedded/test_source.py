"""The embedded ledger over HTTP: its routes, and the source that reads them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import DEVICE, STRANGER, actor
from lying import Front, fronted
from operations import batch, create

from did.errors import Invalid, Unavailable
from did.multibase import base64url_encode
from ledger.embedded.source import HttpSource
from ledger.embedded.store import EmbeddedLedger
from ledger.embedded.wire import ANSWER_BYTES, ENTRY_BYTES, PAGE_BYTES, PAGE_ENTRIES
from ledger.log import Heads


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with EmbeddedLedger(tmp_path_factory.mktemp("none")) as nothing, fronted(nothing) as made:
        yield made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "ledger", final_depth=1, clock=lambda: 1_800_000_000) as made:
        yield made


@pytest.fixture
def front(server: Front, ledger: EmbeddedLedger) -> Front:
    server.ledger = ledger
    server.be_honest()
    server.asked.clear()
    return server


@pytest.fixture
def source(front: Front, ledger: EmbeddedLedger) -> Iterator[HttpSource]:
    with HttpSource(front.url, ledger.pin) as made:
        yield made


def append(ledger: EmbeddedLedger, data: bytes) -> None:
    ledger.submit(ledger.prepare(data))


def get(front: Front, path: str) -> Any:
    answer = httpx.get(front.url + path)
    assert answer.status_code == 200
    assert answer.headers["content-length"]
    return answer.json()


def test_heads_have_the_documented_form(front: Front, ledger: EmbeddedLedger) -> None:
    append(ledger, batch(create(DEVICE)))
    append(ledger, batch(create(STRANGER)))
    value = get(front, "/v1/log/heads")
    assert list(value) == ["logId", "latest", "safe", "finalized"]
    assert value["logId"] == ledger.log_id.hex()
    assert {name: value[name]["sequence"] for name in ("latest", "safe", "finalized")} == {
        "latest": 2,
        "safe": 2,
        "finalized": 1,
    }
    assert set(value["latest"]) == {"sequence", "head", "time", "signature"}
    assert value["latest"]["head"] == ledger.heads().latest.head.hex()
    assert value["latest"]["time"] == 1_800_000_000


def test_entries_have_the_documented_form(front: Front, ledger: EmbeddedLedger) -> None:
    append(ledger, b"\xff\xfe\xfd")
    assert get(front, "/v1/log/entries?start=1&stop=10") == {
        "entries": [
            {
                "sequence": 1,
                "kind": 0,
                "batch": "__79",
                "blockNumber": 1,
                "blockTime": 1_800_000_000,
            }
        ]
    }
    for beyond in ("start=2&stop=10", "start=2&stop=1"):
        assert get(front, f"/v1/log/entries?{beyond}") == {"entries": []}


@pytest.mark.parametrize(
    "query", ["", "?start=1", "?start=0&stop=1", "?start=x&stop=1", f"?start=1&stop={2**53}"]
)
def test_a_range_that_is_none_is_refused(front: Front, query: str) -> None:
    answer = httpx.get(f"{front.url}/v1/log/entries{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_what_is_read_is_what_is_there(source: HttpSource, ledger: EmbeddedLedger) -> None:
    for name in "abc":
        append(ledger, batch(create(actor(name))))
    assert source.log_id == ledger.log_id
    assert content(source.heads()) == content(ledger.heads())
    assert list(source.entries(1, 3)) == list(ledger.entries(1, 3))
    assert list(source.entries(2, 2)) == list(ledger.entries(2, 2))
    for start, stop in ((4, 9), (3, 2)):
        assert list(source.entries(start, stop)) == list(ledger.entries(start, stop)) == []
        assert ledger.page(start, stop) == []


def content(heads: Heads) -> list[tuple[int, bytes]]:
    return [(head.sequence, head.head) for head in (heads.latest, heads.safe, heads.finalized)]


def test_many_entries_come_page_by_page(
    source: HttpSource, front: Front, ledger: EmbeddedLedger
) -> None:
    with ledger._writing() as blocks:  # in one transaction, to be quick
        for number in range(PAGE_ENTRIES + 5):
            ledger._add_block(blocks)
            blocks.append(number.to_bytes(32, "big"), b"")
    entries = list(source.entries(3, PAGE_ENTRIES + 5))
    assert [entry.sequence for entry in entries] == list(range(3, PAGE_ENTRIES + 6))
    assert front.asked == [
        f"/v1/log/entries?start=3&stop={PAGE_ENTRIES + 2}",
        f"/v1/log/entries?start={PAGE_ENTRIES + 3}&stop={PAGE_ENTRIES + 5}",
    ]
    assert len(list(ledger.entries(1, PAGE_ENTRIES + 5))) == PAGE_ENTRIES + 5
    assert len(get(front, "/v1/log/entries?start=1&stop=9999")["entries"]) == PAGE_ENTRIES


def test_large_entries_come_in_pages_of_bounded_size(
    source: HttpSource, front: Front, ledger: EmbeddedLedger
) -> None:
    sizes = [PAGE_BYTES // 2, PAGE_BYTES // 2, 1, ENTRY_BYTES, 10]
    for size in sizes:
        append(ledger, bytes(size))
    assert [len(entry.batch) for entry in source.entries(1, 5)] == sizes
    assert [asked.partition("?")[2] for asked in front.asked] == [
        "start=1&stop=5",
        "start=3&stop=5",
        "start=4&stop=5",
        "start=5&stop=5",
    ]


def test_the_largest_page_is_within_what_a_reader_takes() -> None:
    text = len(base64url_encode(bytes(PAGE_BYTES)))
    assert text + PAGE_ENTRIES * 200 < ANSWER_BYTES


Change = Callable[[Any], Any]


def in_head(**changes: Any) -> Change:
    return lambda answer: {**answer, "safe": {**answer["safe"], **changes}}


def without(name: str) -> Change:
    return lambda answer: {key: value for key, value in answer.items() if key != name}


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(Invalid) as caught:
        ask()
    assert caught.value.step
    assert caught.value.hint
    return caught.value.code


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"not JSON",
        lambda _: b"[]",
        lambda _: b"{}",
        lambda _: b'{"logId": "x", "logId": "y"}',
        lambda _: b" " * (ANSWER_BYTES + 1),
        lambda answer: {**answer, "more": 1},
        without("logId"),
        without("safe"),
        lambda answer: {**answer, "safe": None},
        lambda answer: {**answer, "logId": answer["logId"].upper() + "A"},
        lambda answer: {**answer, "logId": 5},
        in_head(sequence="1"),
        in_head(sequence=True),
        in_head(sequence=-1),
        in_head(sequence=1.0),
        in_head(sequence=2**53),
        in_head(time=None),
        in_head(time=2**53),
        in_head(head="00"),
        in_head(head=None),
        in_head(signature="!"),
        in_head(signature=5),
        in_head(more=1),
        in_head(signature="A" * 4_000),
    ],
)
def test_heads_of_another_form_are_not_understood(
    source: HttpSource, front: Front, ledger: EmbeddedLedger, change: Change
) -> None:
    front.heads = change
    assert refusal(source.heads) == "ledger_malformed_answer"
    front.be_honest()
    assert content(source.heads()) == content(ledger.heads())


def in_entry(**changes: Any) -> Change:
    return lambda answer: {"entries": [{**answer["entries"][0], **changes}]}


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"not JSON",
        lambda answer: answer["entries"],
        lambda answer: {**answer, "more": 1},
        lambda answer: {"entries": answer["entries"][0]},
        lambda _: {"entries": [None]},
        lambda answer: {"entries": answer["entries"] * 2},
        in_entry(sequence="1"),
        in_entry(sequence=-1),
        in_entry(sequence=True),
        in_entry(kind=-1),
        in_entry(kind=None),
        in_entry(blockNumber=-1),
        in_entry(blockNumber=2**53),
        in_entry(blockTime=-1),
        in_entry(blockTime=2**53),
        in_entry(batch="="),
        in_entry(batch=None),
        in_entry(more=1),
    ],
)
def test_entries_of_another_form_are_not_understood(
    source: HttpSource, front: Front, ledger: EmbeddedLedger, change: Change
) -> None:
    append(ledger, b"x")
    front.entries = change
    assert refusal(lambda: list(source.entries(1, 1))) == "ledger_malformed_answer"
    front.be_honest()
    assert list(source.entries(1, 1)) == list(ledger.entries(1, 1))


def test_a_server_that_is_not_there_is_unavailable(ledger: EmbeddedLedger) -> None:
    with fronted(ledger) as front:
        url = front.url
    with HttpSource(url, ledger.pin) as source:
        for ask in (source.heads, lambda: list(source.entries(1, 1))):
            with pytest.raises(Unavailable) as caught:
                ask()
            assert caught.value.code == "ledger_unreachable"
            assert caught.value.hint


def test_a_server_of_something_else_is_not_understood(
    server: Front, ledger: EmbeddedLedger
) -> None:
    with HttpSource(f"{server.url}/elsewhere", ledger.pin) as source:
        assert refusal(source.heads) == "ledger_malformed_answer"


def test_an_address_that_is_none_is_refused(ledger: EmbeddedLedger) -> None:
    with pytest.raises(Invalid) as caught:
        HttpSource("ftp://example.org", ledger.pin)
    assert caught.value.code == "invalid_url"
