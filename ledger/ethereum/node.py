"""JSON-RPC 2.0 over HTTP to one Ethereum node that nobody trusts.

Every answer has a ceiling and a deadline, both enforced while it is read. The node's URL often
contains a key in its path, so errors name its scheme, host and port alone.
"""

import itertools
import ssl
import time
from typing import Final, Self

import httpx
import orjson

from did.errors import Invalid, Unavailable
from keyborn.problem import parse_retry_after
from ledger.ethereum.encoding import fields, malformed

TIMEOUT: Final = 10.0
ANSWER_CEILING: Final = 64 * 1_048_576

_OK: Final = 200
_DECLINED: Final = (400, 413, 500, 502, 503, 504)  # a smaller call may be answered


class NodeError(Unavailable):
    """The node answered with a JSON-RPC error.

    Attributes:
        reason: The node's own message. Text from outside: shown, never interpreted.
    """

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(
            "ledger_node_error",
            f"the Ethereum node answered {method} with an error",
            step="ask the Ethereum node",
            hint="Repeat it; if it stays, ask another node.",
            value=reason,
        )
        self.reason = reason


class NodeLate(Unavailable):
    """The node took a call, and did not answer in time."""


class NodeDeclined(Unavailable):
    """The node answered with an HTTP status that blames the call, or itself."""


class AnswerTooLong(Invalid):
    """The answer was longer than its ceiling."""


class Node:
    """One node. Safe for use by several threads; close it, or use it as a context manager.

    Raises:
        Invalid: ``ledger_bad_url`` where ``url`` is not one of HTTP or HTTPS.
    """

    def __init__(
        self, url: str, *, timeout: float = TIMEOUT, ceiling: int = ANSWER_CEILING
    ) -> None:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise Invalid(
                "ledger_bad_url",
                "the address of the Ethereum node is not a URL of http or https",
                step="reach the Ethereum node",
                hint="Give one such as http://127.0.0.1:8545.",
            )
        port = f":{parsed.port}" if parsed.port else ""
        self.name: Final = f"{parsed.scheme}://{parsed.host}{port}"
        self._url = parsed
        self._timeout = timeout
        self._ceiling = ceiling
        self._ids = itertools.count(1)
        # To load the certificate authorities takes 40 ms: only for a URL that needs them. The empty
        # context trusts none, should TLS come into it after all.
        trusted = True if parsed.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(timeout=timeout, verify=trusted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, *params: object) -> object:
        """The ``result`` of one call, as JSON values, ``None`` included.

        Raises:
            Unavailable: ``ledger_unreachable`` (no answer in time, or none of JSON-RPC),
                ``ledger_node_error`` (``NodeError``).
            Invalid: ``ledger_malformed_answer``.
        """
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answer = fields(self._exchange(method, orjson.dumps(request)), "the answer")
        if answer.get("id") != number:
            raise malformed("the answer", "is to another call", answer.get("id"))
        if "error" in answer:
            reason = fields(answer["error"], "the error").get("message")
            raise NodeError(method, str(reason))
        if "result" not in answer:
            raise malformed("the answer", "has neither result nor error")
        return answer["result"]

    def _exchange(self, method: str, request: bytes) -> object:
        headers = {"content-type": "application/json"}
        deadline = time.monotonic() + self._timeout
        body = bytearray()
        try:
            with self._client.stream(
                "POST", self._url, content=request, headers=headers
            ) as response:
                if response.status_code != _OK:
                    status = response.status_code
                    raise self._unreachable(
                        f"answered {method} with HTTP {status}",
                        response.headers.get("retry-after"),
                        kind=NodeDeclined if status in _DECLINED else Unavailable,
                    )
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self._ceiling:
                        raise self._too_long()
                    if time.monotonic() > deadline:
                        raise self._unreachable(
                            f"did not finish its answer to {method} in time", kind=NodeLate
                        )
        except httpx.ReadTimeout:
            raise self._unreachable(
                f"did not answer {method} in {self._timeout:g} s", kind=NodeLate
            ) from None
        except httpx.TimeoutException:
            raise self._unreachable(f"did not answer {method} in {self._timeout:g} s") from None
        except httpx.HTTPError as error:
            raise self._unreachable(f"cannot be reached: {type(error).__name__}") from None
        except UnicodeError:  # from the system's look-up of the host
            raise self._unreachable("cannot be reached: no host has such a name") from None
        try:
            parsed: object = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise self._unreachable(f"answered {method} with something that is not JSON") from None
        return parsed

    def _too_long(self) -> AnswerTooLong:
        return AnswerTooLong(
            "ledger_malformed_answer",
            f"the answer is longer than {self._ceiling} bytes",
            step="read the node's answer",
            hint="Ask another node; this one is faulty, or lies.",
        )

    def _unreachable(
        self, what: str, retry_after: str | None = None, *, kind: type[Unavailable] = Unavailable
    ) -> Unavailable:
        return kind(
            "ledger_unreachable",
            f"the Ethereum node at {self.name} {what}",
            step="ask the Ethereum node",
            hint="Check that it runs and that its address is right, then repeat.",
            retry_after=parse_retry_after(retry_after),
        )
