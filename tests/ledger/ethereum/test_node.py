from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest
from ethereum_support import drip, http_server, reply

from did.errors import Invalid, KeybornError, Unavailable
from ledger.ethereum.node import AnswerTooLong, Node, NodeError

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def result(value: object) -> Answer:
    return message(lambda request: {"jsonrpc": "2.0", "id": request["id"], "result": value})


def message(make: Callable[[dict[str, Any]], object]) -> Answer:
    return lambda handler, body: reply(handler, orjson.dumps(make(orjson.loads(body))))


def failure(answer: Answer, **limits: float) -> KeybornError:
    with (
        http_server(answer) as url,
        Node(url + "/v3/secret", **limits) as node,  # type: ignore[arg-type]
        pytest.raises(KeybornError) as raised,
    ):
        node.call("eth_chainId")
    assert "secret" not in str(raised.value)
    return raised.value


def test_a_result_comes_back_as_it_is() -> None:
    with http_server(result({"a": None})) as url, Node(url) as node:
        assert node.call("eth_chainId") == {"a": None}


def test_null_is_a_result() -> None:
    with http_server(result(None)) as url, Node(url) as node:
        assert node.call("eth_chainId") is None


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "127.0.0.1:8545", "http://x:y", "x" * 9])
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as raised:
        Node(url)
    assert raised.value.code == "ledger_bad_url"


def test_an_error_of_the_node_carries_its_reason() -> None:
    refusal = {"code": -32000, "message": "nonce too low"}
    error = failure(
        message(lambda request: {"jsonrpc": "2.0", "id": request["id"], "error": refusal})
    )
    assert isinstance(error, NodeError)
    assert (error.code, error.reason) == ("ledger_node_error", "nonce too low")


def test_a_node_that_is_down_is_unreachable() -> None:
    with http_server(result(1)) as url:
        pass
    with Node(url + "/v3/secret") as node, pytest.raises(Unavailable) as raised:
        node.call("eth_chainId")
    assert raised.value.code == "ledger_unreachable"
    assert raised.value.step
    assert raised.value.hint
    assert url in raised.value.message
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7), ("soon", None), ("\u00b2", None), ("9" * 5_000, None)],  # int takes 4,300 digits
)
def test_a_node_that_has_enough_says_when_to_come_back(given: str, seconds: int | None) -> None:
    error = failure(lambda handler, _: reply(handler, b"", 429, retry_after=given))
    assert isinstance(error, Unavailable)
    assert (error.code, error.retry_after) == ("ledger_unreachable", seconds)


def test_a_node_that_stalls_is_unreachable() -> None:
    def stall(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.connection.settimeout(5)
        handler.connection.recv(1)  # until the client hangs up

    assert failure(stall, timeout=0.1).code == "ledger_unreachable"


def test_a_node_that_drips_is_unreachable() -> None:
    error = failure(drip, timeout=0.2)
    assert error.code == "ledger_unreachable"
    assert "in time" in error.message


def test_an_answer_has_a_ceiling() -> None:
    error = failure(result("x" * 2_000), ceiling=1_000)
    assert (type(error), error.code) == (AnswerTooLong, "ledger_malformed_answer")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html>", "ledger_unreachable"),
        (b"[" * 100_000, "ledger_unreachable"),
        (b"[]", "ledger_malformed_answer"),
        (b'{"id":0,"result":1}', "ledger_malformed_answer"),
        (b'{"id":1}', "ledger_malformed_answer"),
        (b'{"id":1,"error":"no"}', "ledger_malformed_answer"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, code: str) -> None:
    assert failure(lambda handler, _: reply(handler, body)).code == code


def test_a_host_that_no_host_can_be_called_is_unreachable() -> None:
    """Guards against the UnicodeError of the system's look-up, which was a stack trace."""
    with Node("http://a..b") as node, pytest.raises(Unavailable) as raised:
        node.call("eth_chainId")
    assert raised.value.code == "ledger_unreachable"
