"""Trouble on purpose: at its rates, by its seed, shouted, and none unless it is asked for."""

import logging
import time

import httpx
import pytest
from serving import serving
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from did.errors import Invalid
from keyborn.chaos import read_chaos


def counting(done: list[str]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            done.append(scope["path"])
            await PlainTextResponse("done")(scope, receive, send)

    return app


def outcomes(url: str, count: int) -> str:
    """Of requests one after the other: ``.`` for an answer, ``x`` for none."""
    found = ""
    with httpx.Client(base_url=url) as http:
        for number in range(count):
            try:
                assert http.get(f"/{number}").text == "done"
                found += "."
            except httpx.RemoteProtocolError:
                found += "x"
    return found


def test_answers_are_dropped_after_the_work_and_the_same_ones_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = []
    for _ in range(2):
        done: list[str] = []
        chaos = read_chaos("drop-answers=0.5,seed=7", nonces=False)
        with serving(counting(done), chaos=chaos) as url:
            runs.append(outcomes(url, 40))
        assert done == [f"/{number}" for number in range(40)]
    assert runs[0] == runs[1]
    assert {*runs[0]} == {".", "x"}
    said = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert sum("CHAOS IS ON" in each for each in said) == 2
    assert sum("is dropped" in each for each in said) == 2 * runs[0].count("x")


def test_another_seed_hits_others() -> None:
    seen = set()
    for seed in (1, 2):
        chaos = read_chaos(f"refuse-nonces=0.5,seed={seed}", nonces=True)
        seen.add(tuple(chaos.refuses_nonce() for _ in range(64)))
    assert len(seen) == 2


def test_all_answers_are_dropped_at_a_rate_of_one() -> None:
    with serving(counting([]), chaos=read_chaos("drop-answers=1", nonces=False)) as url:
        assert outcomes(url, 5) == "xxxxx"


def test_answers_come_late(caplog: pytest.LogCaptureFixture) -> None:
    chaos = read_chaos("delay=1:0.05,seed=3", nonces=False)
    with serving(counting([]), chaos=chaos) as url:
        began = time.monotonic()
        assert outcomes(url, 10) == "." * 10
        took = time.monotonic() - began
    late = [float(each.args[1]) for each in caplog.records if "late" in each.msg]  # type: ignore[index, arg-type] # as it is logged
    assert len(late) == 10
    assert all(0 <= each <= 0.05 for each in late)
    assert took >= sum(late)


def test_what_it_shouts_has_no_path(caplog: pytest.LogCaptureFixture) -> None:
    chaos = read_chaos("drop-answers=1", nonces=False)
    with serving(counting([]), chaos=chaos) as url, pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/offers/opens-a-claim?code=secret")
    assert "the answer to GET unmatched is dropped" in caplog.text
    assert "opens-a-claim" not in caplog.text
    assert "secret" not in caplog.text


def test_without_it_nothing_goes_wrong() -> None:
    with serving(counting([])) as url:
        assert outcomes(url, 50) == "." * 50


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no list of rates"),
        ("delay", "no list of rates"),
        ("drop-answers=0.1,drop-answers=0.1", "no list of rates"),
        ("drop-answers=1.1", "no number from 0 to 1"),
        ("drop-answers=-0.1", "no number from 0 to 1"),
        ("drop-answers=nan", "no number from 0 to 1"),
        ("delay=0.1", "no number from 0 to 60"),
        ("delay=0.1:61", "no number from 0 to 60"),
        ("lose=0.1", "names what there is not"),
        ("drop-answers=0.1,seed=x", "the seed is no number"),
        ("refuse-nonces=0.1", "gives out no nonces"),
        ("delay=0:0,seed=1", "nothing is to go wrong"),
    ],
)
def test_what_it_does_not_take(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        read_chaos(text, nonces=False)
    assert (caught.value.code, caught.value.step) == ("invalid_chaos", "read --chaos")
    assert caught.value.hint
