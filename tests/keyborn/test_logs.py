import json
import logging
import sys

import pytest

from did.timestamps import parse_time
from keyborn.logs import configure, request_id


def crash() -> None:
    try:
        int("a\x1b[2Jb")
    except ValueError:
        logging.getLogger("issuer").exception("failed")


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    token = request_id.set("feed")
    logging.getLogger("issuer").info("granted %s", "x\n\x1by")
    request_id.reset(token)
    crash()
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert parse_time(first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "issuer",
        "message": "granted x\n\x1by",
        "request_id": "feed",
    }
    assert second["trace"][-1] == "ValueError: invalid literal for int() with base 10: 'a\\x1b[2Jb'"
    assert "request_id" not in second


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(as_json=False)
    token = request_id.set("feed")
    logging.getLogger("issuer").warning("granted %s", "x\n\x1by")
    request_id.reset(token)
    crash()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("warning issuer granted x\\n\\u001by [feed]")
    assert lines[1].endswith("error issuer failed")
    assert lines[-1].startswith("ValueError: ")


def test_the_form_follows_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure()
    logging.getLogger("issuer").info("granted")
    assert capsys.readouterr().err.endswith(" info issuer granted\n")


def test_calls_are_not_logged_with_their_urls(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logging.getLogger("httpx").info("GET http://issuer/offer?code=secret")
    logging.getLogger("issuer").debug("detail")
    assert not capsys.readouterr().err
