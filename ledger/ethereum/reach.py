"""How much is asked of a node in one query: learnt from what it refuses, and tried again later.

Providers limit how many blocks or results one ``eth_getLogs`` may cover, each in its own way and
words. What they say is not interpreted: whatever a node refuses is asked for in smaller parts.
"""

from typing import Final, Literal

_SOONEST: Final = 2  # answers until more is tried again
_LATEST: Final = 64


class Reach:
    """How many blocks and entries the next query may cover.

    Args:
        blocks: At the most, and at first.
        entries: At the most, and at first.
    """

    def __init__(self, blocks: int, entries: int) -> None:
        self._most_blocks = blocks
        self._most_entries = entries
        self.blocks = blocks
        self.entries = entries
        self._patience = _SOONEST
        self._answers = 0
        self._trial: Literal["blocks", "entries"] | None = None

    def refused(self, blocks: int) -> bool:
        """Ask for less than these ``blocks``; False where there is no less.

        Fewer blocks first: a query has a bound on its entries already.
        """
        if self._trial is not None:
            self._patience = min(2 * self._patience, _LATEST)
        if blocks > 1 and self._trial != "entries":
            self.blocks = blocks // 2
        elif self.entries > 1:
            self.entries //= 2
        else:
            return False
        self._trial = None
        self._answers = 0
        return True

    def answered(self) -> None:
        """Ask for more, now and then. A trial that failed makes the next one wait twice as long."""
        if self._trial is not None:
            self._trial = None
            self._patience = _SOONEST
        self._answers += 1
        if self._answers < self._patience:
            return
        self._answers = 0
        if self.blocks < self._most_blocks:
            self.blocks = min(2 * self.blocks, self._most_blocks)
            self._trial = "blocks"
        elif self.entries < self._most_entries:
            self.entries = min(2 * self.entries, self._most_entries)
            self._trial = "entries"
