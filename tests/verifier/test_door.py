"""The example of the documentation: a service of one's own that admits devices."""

import runpy
from pathlib import Path

import httpx
import pytest
from actors import DEVICE
from serving import serving
from street import street

from did.challenge import Challenge

DOOR = Path(__file__).parents[2] / "docs" / "examples" / "door.py"


def test_it_opens_once_for_each_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with street(tmp_path) as outside:
        monkeypatch.chdir(tmp_path)  # where trust.toml is
        app = runpy.run_path(str(DOOR))["app"]
        with serving(app) as url, httpx.Client(base_url=url) as http:
            wish = {"did": DEVICE.short.text}
            asked = http.post("/v1/challenges", json=wish).raise_for_status()
            answer = outside.answer(Challenge.from_json(asked.json()))

            first = http.post("/v1/presentations", content=answer)
            second = http.post("/v1/presentations", content=answer)

    assert first.json()["device"]["did"] == DEVICE.short.text
    assert (second.status_code, second.json()["code"]) == (403, "challenge_used")
