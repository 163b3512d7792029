"""Which block a quorum of nodes has. Pure: what was shown goes in, and what follows comes out.

Nodes of one chain are a block or two apart all the time, so their newest blocks are seldom the
same. What they can agree on is the block at one height: a quorum *has* a block where so many nodes
show it, and no other, at its height in their own chains. The heights in question are those of
their newest blocks, so the newest block that a quorum has is found by asking some of them for
their block at the height of another one's newest.

A node that is ahead of a quorum, behind it, or on a chain of its own changes nothing while the
others are a quorum.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ledger.ethereum.header import Header

Shown = Mapping[str, Mapping[int, Header]]
"""What each node (by name) has shown of its chain: blocks by height; the highest is its newest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What follows from what was shown.

    Attributes:
        agreed: The newest block that a quorum has; None where there is none yet.
        questions: Nodes and heights to ask for: their answers may make a newer block agreed.
    """

    agreed: Header | None
    questions: tuple[tuple[str, int], ...]


def stand(shown: Shown, quorum: int, deaf: Collection[str] = ()) -> Standing:
    """Where the nodes stand.

    Args:
        shown: What came until now.
        quorum: How many make a block believed, at least 1.
        deaf: Who answers no more questions.
    """
    questions: list[tuple[str, int]] = []
    for height in sorted({max(blocks) for blocks in shown.values()}, reverse=True):
        reached = {name: blocks for name, blocks in shown.items() if max(blocks) >= height}
        votes = Counter(blocks[height] for blocks in reached.values() if height in blocks)
        ((header, most),) = votes.most_common(1)
        if most >= quorum:
            return Standing(header, tuple(questions))
        unasked = [name for name in reached if height not in reached[name] and name not in deaf]
        if most + len(unasked) >= quorum:
            questions += [(name, height) for name in unasked]
    return Standing(None, tuple(questions))


def ahead(shown: Shown, block: Header, seconds: int) -> list[str]:
    """Who shows a block that is more than so many seconds newer than ``block``."""
    return [name for name, blocks in shown.items() if newest(blocks).time > block.time + seconds]


def behind(shown: Shown, block: Header, seconds: int) -> list[str]:
    """Whose newest block is more than so many seconds older than ``block``."""
    return [name for name, blocks in shown.items() if newest(blocks).time + seconds < block.time]


def dissenting(shown: Shown, block: Header) -> list[str]:
    """Who shows another block than ``block``, or than what is known to lead to it."""
    return [name for name in shown if dissent(shown, block, name) is not None]


def dissent(shown: Shown, block: Header, name: str) -> tuple[Header, Header] | None:
    """Of the greatest height at which a node dissents: its block, and that of the others."""
    chain = _chain(shown, block)
    for height, header in sorted(shown[name].items(), reverse=True):
        if height in chain and chain[height].hash != header.hash:
            return header, chain[height]
    return None


def lower(shown: Shown, block: Header) -> set[int]:
    """Heights below ``block`` of newest blocks that nothing is known to compare with."""
    heights = {newest(blocks).number for blocks in shown.values()}
    return {at for at in heights if at < block.number} - set(_chain(shown, block))


def _chain(shown: Shown, block: Header) -> dict[int, Header]:
    """``block``, and what those who have it show below it, by height."""
    known = (shown[name] for name in having(shown, block))
    below = {at: each for blocks in known for at, each in blocks.items() if at < block.number}
    return {**below, block.number: block}


def having(shown: Shown, block: Header) -> list[str]:
    """Who shows ``block``."""
    return [name for name, blocks in shown.items() if blocks.get(block.number) == block]


def split(shown: Shown) -> dict[str, Header] | None:
    """The blocks of the greatest height at which nodes show different ones; None: nowhere."""
    heights = {height for blocks in shown.values() for height in blocks}
    for height in sorted(heights, reverse=True):
        found = {name: blocks[height] for name, blocks in shown.items() if height in blocks}
        if len(set(found.values())) > 1:
            return found
    return None


def newest(blocks: Mapping[int, Header]) -> Header:
    """The newest of one node's blocks."""
    return blocks[max(blocks)]
