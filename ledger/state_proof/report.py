"""What ``keyborn ledger prove`` and ``check`` show, as data and as text."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from did.identifier import KeybornDid
from did.jcs import Json, JsonObject
from did.keys import ed25519_multibase
from did.timestamps import format_time
from ledger.embedded.heads import EmbeddedPin
from ledger.log import Heads
from ledger.state_proof.check import Proven, Shown
from ledger.state_proof.form import MEDIA_TYPE

if TYPE_CHECKING:
    from ledger.state_proof.making import Made  # as in ``ledger.state_proof.check``

_LABEL: Final = 14


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a proof file rests on: what was compared with what, and what nobody compared."""

    compared: tuple[str, ...]
    stated: tuple[str, ...]


def made(result: "Made", path: str, size: int) -> JsonObject:
    """A proof that was made."""
    return {
        "file": path,
        "bytes": size,
        "mediaType": MEDIA_TYPE,
        "laterOperations": result.later,
        **_content(result.proven),
    }


def made_text(result: "Made", path: str, size: int) -> str:
    """The same, to be read."""
    lines = [_line("file", f"{path}, {size} bytes"), *_content_lines(result.proven)]
    if result.later:
        lines.append(_line("later", f"{result.later} more on the log, after this head"))
    header = result.proven.header
    option = "--network FILE" if header is None else f"--block-hash 0x{header.hash.hex()}"
    return "\n".join([*lines, _line("to check it", f"keyborn ledger check {path} {option}")])


def checked(proven: Proven, heads: Heads | None) -> JsonObject:
    """A proof that was checked; ``heads`` are those of the log, where it was asked too."""
    standing = _standing(proven)
    log: JsonObject | None = None
    if heads is not None:
        log = {"entries": heads.latest.sequence, "asOf": _time(heads.latest.time)}
    return {
        **_content(proven),
        "compared": list(standing.compared),
        "stated": list(standing.stated),
        "log": log,
        "proves": list(_proves(proven, heads)),
        "doesNotProve": list(_open(proven, heads)),
    }


def checked_text(proven: Proven, heads: Heads | None) -> str:
    """The same, to be read."""
    standing = _standing(proven)
    lines = _content_lines(proven)
    lines.append(_line("compared", "; ".join(standing.compared)))
    if standing.stated:
        lines.append(_line("only stated", "; ".join(standing.stated)))
    for title, sentences in (
        ("This proves:", _proves(proven, heads)),
        ("This does not prove:", _open(proven, heads)),
    ):
        if sentences:
            lines += ["", title, *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines)


def _content(proven: Proven) -> JsonObject:
    return {
        "did": KeybornDid(proven.proof.id).text,
        "logId": proven.proof.log_id.hex(),
        "operations": [_operation(shown) for shown in proven.operations],
        "key": _key(proven.operations[-1]),
        "deactivated": proven.state.next is None,
        "head": {"sequence": proven.head.sequence, "head": proven.head.head.hex()},
        "entriesNotShown": proven.entries,
        "vouchedBy": _vouched_by(proven),
    }


def _content_lines(proven: Proven) -> list[str]:
    lines = [
        _line("did", KeybornDid(proven.proof.id).text),
        _line("log", proven.proof.log_id.hex()),
    ]
    for shown in proven.operations:
        state, entry = shown.state, shown.entry
        lines.append(
            _line(
                _kind(shown),
                f"entry {entry.sequence}, block {entry.block_number}, {_time(entry.block_time)}, "
                f"version {state.number}-{state.operation.hex()}",
            )
        )
    key = _key(proven.operations[-1])
    lines.append(_line("key", "none: deactivated, for good" if key is None else str(key)))
    lines.append(_line("head", f"entry {proven.head.sequence}, {proven.head.head.hex()}"))
    lines.append(_line("not shown", f"{proven.entries} entries between the first one and the head"))
    header = proven.header
    if header is None:
        vouched = f"signed as {proven.head.finality} at {_time(proven.head.time)}"
    else:
        vouched = f"block {header.number}, 0x{header.hash.hex()}, {_time(header.time)}"
    return [*lines, _line("vouched for by", vouched)]


def _operation(shown: Shown) -> JsonObject:
    state, entry = shown.state, shown.entry
    return {
        "type": _kind(shown),
        "versionId": f"{state.number}-{state.operation.hex()}",
        "entry": entry.sequence,
        "blockNumber": entry.block_number,
        "blockTime": _time(entry.block_time),
        "key": _key(shown),
    }


def _kind(shown: Shown) -> str:
    if shown.state.number == 0:
        return "create"
    return "deactivate" if shown.state.next is None else "rotate"


def _key(shown: Shown) -> Json:
    """As a Multikey; the point of a creation is not checked."""
    key = shown.state.key
    return None if key is None else ed25519_multibase(key)


def _vouched_by(proven: Proven) -> JsonObject:
    header = proven.header
    if header is None:
        assert isinstance(proven.pin, EmbeddedPin)
        return {
            "type": "embedded",
            "headKey": proven.pin.head_key.multibase,
            "finality": proven.head.finality.value,
            "time": _time(proven.head.time),
        }
    assert not isinstance(proven.pin, EmbeddedPin)
    return {
        "type": "ethereum",
        "chainId": proven.pin.chain_id,
        "contract": proven.pin.contract,
        "codeHash": proven.pin.code_hash.hex(),
        "blockNumber": header.number,
        "blockHash": "0x" + header.hash.hex(),
        "blockTime": _time(header.time),
    }


def _standing(proven: Proven) -> _Standing:
    if isinstance(proven.pin, EmbeddedPin):
        network = "the network file's"
        return _Standing((f"log id, with {network}", f"head key, with {network}"), ())
    block = "block hash, with the one given"
    contract, chain = proven.pin.contract, proven.pin.chain_id
    if proven.pinned:
        network = "the network file's"
        return _Standing(
            (
                block,
                f"log id, contract and code hash, with {network}",
                f"chain id, with {network}",
            ),
            (f"that the block is of chain {chain}: no block says so, who gave its hash does",),
        )
    return _Standing(
        (block, "code hash, with that of this version's DidLog with this log id in it"),
        (
            f"chain id {chain}",
            f"contract {contract}",
            f"log id {proven.proof.log_id.hex()}",
        ),
    )


def _proves(proven: Proven, heads: Heads | None) -> tuple[str, ...]:
    count = len(proven.operations)
    under = (
        "under a head that the ledger's key signed"
        if proven.header is None
        else "under the head that the contract had in this block"
    )
    if count == 1:
        found = [f"This operation stands on the log, in this entry and at this time, {under}."]
    else:
        where = "in this order, in these entries and at these times"
        found = [
            f"These {count} operations stand on the log, {where}, {under}.",
            "They lead from the creation to the last of them without a gap.",
        ]
    if heads is not None:
        found.append(
            f"The log, read up to entry {heads.latest.sequence} as of {_time(heads.latest.time)}, "
            "has these operations of the DID and no others."
        )
    return tuple(found)


def _open(proven: Proven, heads: Heads | None) -> tuple[str, ...]:
    if heads is not None:
        return (f"That none follows after {_time(heads.latest.time)}.",) * (
            proven.state.next is not None
        )
    found = []
    if proven.state.next is not None:
        found.append(
            "That no other operation of the DID followed: neither in the "
            f"{proven.entries} entries that are not shown, nor after the head."
        )
    found.append(
        "That none took effect before the time shown: the same operation may stand earlier too, in "
        "an entry that is not shown; then it took effect there, and others may have followed it."
    )
    if proven.state.number > 0:
        found.append(
            "That whoever controls the DID signed no other update in the place of one of these: it "
            "would stand earlier, in an entry that is not shown, and have taken effect instead."
        )
    if proven.header is not None and not proven.pinned:
        found.append(
            "That the contract is the log that you mean: anybody can deploy one that bears this "
            "log id. Compare its address, or give --network."
        )
    return tuple(found)


def _time(seconds: int) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _line(label: str, value: str) -> str:
    return f"{label:<{_LABEL}}  {value}"
