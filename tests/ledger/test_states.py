"""Batches applied to states in memory and in an index have the effects that ``apply`` gives."""

from collections.abc import Iterable, Sequence
from random import Random

from actors import DEVICE, LOG_ID, STRANGER, Actor, actor
from hypothesis import given
from hypothesis import strategies as st
from operations import Life, create, packed

from ledger.chain import LogEntry
from ledger.index import Index, Writer
from ledger.operations import Create, Operation, Update, sign_update
from ledger.state import DidState, apply
from ledger.states import MemoryStates, bring_forward

PEOPLE = [actor(name) for name in ("alice", "bob")]
IDS = [person.did.id for person in PEOPLE]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.sampled_from(("create", "rotate", "deactivate", "replay", "steal", "garble")),
        st.integers(0, 30),
    ),
    max_size=30,
)

Chunks = list[Sequence[Operation]]
Effects = list[tuple[int, DidState]]


def one_by_one(chunks: Chunks) -> tuple[dict[bytes, DidState], Effects]:
    """The newest states, and each new state with the entry that brought it: what is right."""
    states: dict[bytes, DidState] = {}
    effects = []
    for sequence, chunk in enumerate(chunks, 1):
        for operation in [*creates(chunk), *updates(chunk)]:
            before = states.get(operation.id)
            after = apply(before, operation, LOG_ID)
            if after is not None and after is not before:
                states[operation.id] = after
                effects.append((sequence, after))
    return states, effects


def in_memory(chunks: Chunks) -> MemoryStates:
    states = MemoryStates()
    for sequence, chunk in enumerate(chunks, 1):
        bring_forward(states, sequence, packed(*chunk), LOG_ID)
    return states


def in_index(writer: Writer, chunks: Chunks) -> tuple[dict[bytes, DidState], Effects]:
    writer.roll_back(0)
    for sequence, chunk in enumerate(chunks, 1):
        writer.append(LogEntry(sequence, 0, b"", sequence, sequence), b"h" * 32)
        bring_forward(writer, sequence, packed(*chunk), LOG_ID)
    versions = [version for id_ in IDS for version in writer.versions(id_)]
    return writer.states(IDS), [(version.sequence, version.state) for version in versions]


def test_whatever_comes_the_honest_operations_alone_have_an_effect() -> None:
    """And however they are cut into batches, the outcome is the same."""
    with Index.temporary(LOG_ID) as index, index.writing() as writer:

        @given(STEPS, st.integers(1, 7))
        def check(steps: list[tuple[Actor, str, int]], size: int) -> None:
            log, lives = lived(steps)
            honest = {life.current.id: life.current for life in lives if life.state is not None}
            for chunks in (list(singles(log)), list(ordered(log, size))):
                assert one_by_one(chunks)[0] == honest
                assert in_memory(chunks).states(IDS) == honest
                assert in_index(writer, chunks)[0] == honest

        check()


def test_any_batches_have_the_effects_of_their_operations_one_by_one() -> None:
    """Also where one holds the creation, the end and the garbage of one DID, in any order."""
    with Index.temporary(LOG_ID) as index, index.writing() as writer:

        @given(STEPS, st.randoms(use_true_random=False), st.integers(1, 7))
        def check(steps: list[tuple[Actor, str, int]], random: Random, size: int) -> None:
            log, _ = lived(steps)
            random.shuffle(log)
            chunks: Chunks = [log[at : at + size] for at in range(0, len(log), size)]
            states, effects = one_by_one(chunks)
            assert in_memory(chunks).states(IDS) == states
            assert len(in_memory(chunks)) == len(states)
            kept, history = in_index(writer, chunks)
            assert kept == states
            assert history == sorted(effects, key=lambda effect: IDS.index(effect[1].id))

        check()


def test_in_a_batch_creations_come_first_and_updates_follow_in_order() -> None:
    life = Life(DEVICE)
    operations: list[Operation] = [life.create(), life.rotate(), life.rotate()]
    creation, first, second = operations
    chunk = [first, second, first, creation, create(STRANGER), creation]
    assert in_memory([chunk]).states([DEVICE.did.id]) == {DEVICE.did.id: life.current}
    swapped = in_memory([[second, first, creation]]).states([DEVICE.did.id])
    assert swapped[DEVICE.did.id].number == 1


def creates(chunk: Iterable[Operation]) -> list[Create]:
    return [operation for operation in chunk if isinstance(operation, Create)]


def updates(chunk: Iterable[Operation]) -> list[Update]:
    return [operation for operation in chunk if isinstance(operation, Update)]


def singles(log: list[Operation]) -> Chunks:
    return [[operation] for operation in log]


def ordered(log: list[Operation], size: int) -> Chunks:
    """The log in batches of at most ``size``, none of which would change its order."""
    chunks: list[list[Operation]] = [[]]
    for operation in log:
        newest = chunks[-1]
        if len(newest) == size or (updates(newest) and isinstance(operation, Create)):
            chunks.append([])
        chunks[-1].append(operation)
    return list(chunks)


def lived(steps: list[tuple[Actor, str, int]]) -> tuple[list[Operation], list[Life]]:
    """The log that these steps make, and the lives of which it tells."""
    lives = {person.did.id: Life(person) for person in PEOPLE}
    log: list[Operation] = []
    for person, step, pick in steps:
        log.extend(taken(step, lives[person.did.id], log, pick))
    return log, list(lives.values())


def taken(step: str, life: Life, log: list[Operation], pick: int) -> list[Operation]:
    """What one step adds to the log: nothing where it cannot be taken."""
    if step == "create":
        if life.state is None:
            life.create()
        return [create(life.actor)]
    if step == "replay":
        return [log[pick % len(log)]] if log else []
    if life.state is None or life.current.next is None:
        return []
    honest = {"rotate": life.rotate, "deactivate": life.deactivate}
    if step in honest:
        return [honest[step]()]
    if step == "steal":
        return [stolen(life)]
    return [Update(life.current.id, bytes([pick] * 32), None, bytes([pick] * 64))]


def stolen(life: Life) -> Update:
    """What the thief of the current key can sign."""
    return sign_update(
        life.key,
        log_id=LOG_ID,
        id_=life.current.id,
        prev=life.current.operation,
        next_key=STRANGER.key.public_key(),
    )
