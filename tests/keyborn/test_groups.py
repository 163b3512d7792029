"""Work for many requests at a time: who is in which group, and who gets which answer."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from did.errors import Invalid, KeybornError, Unavailable
from keyborn.groups import Groups


class Work:
    """Answers twice what was asked, once it is let; remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Event()
        self.begun = threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int | KeybornError]:
        self.groups.append(list(asked))
        self.begun.set()
        self.go.wait()
        return [Invalid("odd", "it is odd") if each % 2 else 2 * each for each in asked]


def outcomes(work: Work, *numbers: int, most: int = 64) -> list[object]:
    async def ask() -> list[object]:
        groups = Groups[int, int](work, most=most)
        first = asyncio.ensure_future(groups.ask(numbers[0]))
        await asyncio.to_thread(work.begun.wait)
        others = [asyncio.ensure_future(groups.ask(number)) for number in numbers[1:]]
        await asyncio.sleep(0)
        work.go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(ask())


def test_who_comes_while_a_group_is_under_way_is_in_the_next_one() -> None:
    work = Work()
    assert outcomes(work, 0, 2, 4, 6, 8, most=3) == [0, 4, 8, 12, 16]
    assert work.groups == [[0], [2, 4, 6], [8]]


def test_an_error_is_its_own() -> None:
    first, second, third = outcomes(Work(), 0, 1, 2)
    assert (first, third) == (0, 4)
    assert isinstance(second, Invalid)


def test_what_the_work_raises_is_everybodys_and_each_has_one_to_itself() -> None:
    class Broken(Work):
        def __call__(self, asked: Sequence[int]) -> list[int | KeybornError]:
            super().__call__(asked)
            raise Unavailable("store_failed", "no")

    first, second, third = outcomes(Broken(), 0, 2, 4)
    for each in (first, second, third):
        assert isinstance(each, Unavailable)
        assert each.code == "store_failed"
    assert second is not third


@pytest.mark.parametrize("error", [RuntimeError("a fault"), ValueError("it is ours")])
def test_a_fault_leaves_nobody_waiting(error: Exception) -> None:
    class Faulty(Work):
        def __call__(self, asked: Sequence[int]) -> list[int | KeybornError]:
            super().__call__(asked)
            if asked[0]:
                raise error
            return []  # too few answers

    assert [type(each) for each in outcomes(Faulty(), 0, 2)] == [ValueError, type(error)]


def test_who_leaves_is_no_matter_to_the_others() -> None:
    work = Work()

    async def ask() -> object:
        groups = Groups[int, int](work)
        leaving = asyncio.ensure_future(groups.ask(0))
        staying = asyncio.ensure_future(groups.ask(2))
        await asyncio.to_thread(work.begun.wait)
        leaving.cancel()
        work.go.set()
        return await staying

    assert asyncio.run(ask()) == 4
    assert work.groups == [[0, 2]]
