"""From one head to another by the entries between them; nothing on the way is taken on trust."""

from collections.abc import Iterator
from typing import Final, NoReturn

from did.errors import Invalid
from ledger.chain import LogEntry, check_time, next_head
from ledger.index import Writer
from ledger.log import EntrySource, Head, LogSource
from ledger.operations import unpack_batch
from ledger.states import MemoryStates, States, bring_forward

_STEP: Final = "replay the log"
_HINT: Final = "what gives the entries is at fault or lies; nothing of it was taken over"


def replay(writer: Writer, source: LogSource, base: int, target: Head) -> None:
    """Bring the index to ``target`` by the entries after ``base``.

    Those that the index has already are compared with it by their heads; from the first that
    differs on, the index is rolled back and written anew.

    Args:
        writer: The index. An error leaves it half done, for its transaction to undo.
        source: What gives the entries.
        base: A sequence that the index has, and whose head there is right.
        target: A verified head, at ``base`` or after it.

    Raises:
        Invalid: ``ledger_entry_missing``, ``ledger_entries_reordered``, ``ledger_entry_altered``,
            ``ledger_malformed_answer``.
        KeybornError: As ``LogSource.entries``.
    """
    start = writer.head_at(base)
    assert start is not None
    common = True
    for entry, head in _chain(source, base, start, target):
        if common and writer.head_at(entry.sequence) == head:
            continue
        if common:
            writer.roll_back(entry.sequence - 1)
            common = False
        writer.append(entry, head)
        _apply(writer, entry, source.log_id)
    if common:
        writer.roll_back(target.sequence)


def rebuild(source: EntrySource, log_id: bytes, target: Head) -> MemoryStates:
    """The newest state of each DID as of ``target``, in memory, from all entries up to it.

    Args:
        source: What gives the entries.
        log_id: The log's, as pinned.
        target: A verified head.

    Raises:
        KeybornError: As ``replay``.
    """
    states = MemoryStates()
    for entry, _ in _chain(source, 0, log_id, target):
        _apply(states, entry, log_id)
    return states


def head_before(source: LogSource, sequence: int, target: Head) -> bytes | None:
    """The head after entry ``sequence``, on the way from the log's beginning to ``target``.

    None where the entries that the source gives do not lead there, which proves nothing.
    """
    found = source.log_id
    try:
        for entry, head in _chain(source, 0, source.log_id, target):
            if entry.sequence <= sequence:
                found = head
    except Invalid:
        return None
    return found


def _chain(
    source: EntrySource, base: int, head: bytes, target: Head
) -> Iterator[tuple[LogEntry, bytes]]:
    """The entries after ``base``, each with the head after it; at the end, that is the target's."""
    entries = source.entries(base + 1, target.sequence) if target.sequence > base else iter(())
    due = base + 1
    clock = (0, 0)
    in_order = True
    for entry in entries:
        if entry.sequence != due:
            _refuse_numbering(entry, entries, due)
        check_time(entry.block_time)
        head = next_head(head, entry)
        yield entry, head
        in_order = in_order and clock <= (entry.block_number, entry.block_time)
        clock = (entry.block_number, entry.block_time)
        due += 1
    if due <= target.sequence:
        raise _missing(due)
    if head == target.head:
        return
    if not in_order:
        raise Invalid(
            "ledger_entries_reordered",
            "the log's entries do not lead to its head, and their blocks run backwards",
            step=_STEP,
            hint=_HINT,
        )
    raise Invalid(
        "ledger_entry_altered",
        f"the log's entries after {base} do not lead to its head: content, place or time of one "
        "is not what was written",
        step=_STEP,
        hint=_HINT,
    )


def _refuse_numbering(entry: LogEntry, rest: Iterator[LogEntry], due: int) -> NoReturn:
    if entry.sequence < due or any(later.sequence == due for later in rest):
        raise Invalid(
            "ledger_entries_reordered",
            f"entry {entry.sequence} of the log stands where entry {due} is due",
            step=_STEP,
            hint=_HINT,
        )
    raise _missing(due)


def _missing(sequence: int) -> Invalid:
    return Invalid(
        "ledger_entry_missing", f"entry {sequence} of the log is missing", step=_STEP, hint=_HINT
    )


def _apply(states: States, entry: LogEntry, log_id: bytes) -> None:
    try:
        batch = unpack_batch(entry.batch)
    except Invalid:
        return  # a void batch is an entry like any other, and effects nothing
    bring_forward(states, entry.sequence, batch, log_id)
