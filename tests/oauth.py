"""How OAuth endpoints answer: what the tests of several of them ask for."""

import re

import httpx


def error(answer: httpx.Response, status: int = 400) -> str:
    """The OAuth error code of ``answer``, whose form is checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    allowed = {*map(chr, range(0x20, 0x7F))} - {'"', "\\"}
    assert set(body["error_description"]) <= allowed
    return str(body["error"])


def refusal(answer: httpx.Response, status: int = 400) -> tuple[str, str]:
    """The OAuth error code of ``answer``, and our own code for it."""
    code = error(answer, status)
    found = re.search(r"\[([a-z0-9_]+)\]", answer.json()["error_description"])
    assert found is not None
    return code, found[1]
