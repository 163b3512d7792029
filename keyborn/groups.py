"""Work that is done for many requests at a time.

What costs the same for one as for many, a commit that must reach the disk or a question to a
server, is done once for all that wait for it: while one group is under way in a thread of its own,
those who come next gather, and are the next group. Nobody waits for a group to fill: whoever comes
alone is a group of one. Each has an answer of its own, or an error; nobody is answered before the
whole group's work has returned.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from did.errors import KeybornError

MOST: Final = 64  # in one group

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


class Groups(Generic[_Asked, _Answer]):
    """One kind of work. To be asked from one event loop.

    Args:
        work: Does it, in a thread: gets what was asked, and returns as many answers in the same
            order, each of which may be an error. What it raises is everybody's.
        most: How many are in one group at the most.
    """

    def __init__(
        self,
        work: Callable[[Sequence[_Asked]], Sequence[_Answer | KeybornError]],
        *,
        most: int = MOST,
    ) -> None:
        self._work = work
        self._most = most
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="group")
        self._waiting: list[tuple[_Asked, asyncio.Future[_Answer]]] = []
        self._busy = False

    async def ask(self, asked: _Asked) -> _Answer:
        """The answer; raises the error that is this one's own, or the group's."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Answer] = loop.create_future()
        self._waiting.append((asked, answer))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._begin, loop)  # whoever is served in this turn of the loop joins
        return await answer

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        asked = [each for each, _ in group]
        work = loop.run_in_executor(self._thread, self._answers, asked)
        work.add_done_callback(lambda done: self._end(loop, group, done))

    def _answers(self, asked: Sequence[_Asked]) -> Sequence[_Answer | KeybornError]:
        answers = self._work(asked)
        if len(answers) != len(asked):
            raise ValueError("the work did not answer everybody")
        return answers

    def _end(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Sequence[tuple[_Asked, "asyncio.Future[_Answer]"]],
        done: "asyncio.Future[Sequence[_Answer | KeybornError]]",
    ) -> None:
        if self._waiting:
            self._begin(loop)
        else:
            self._busy = False
        everybody = done.exception()
        for number, (_, answer) in enumerate(group):
            if answer.done():  # whoever asked has left
                continue
            outcome = everybody or done.result()[number]
            if isinstance(outcome, KeybornError):
                answer.set_exception(outcome.again())
            elif isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
