"""A device's statuses, from the operator's word to the verifier's record; every part is real."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from onboarding import Services, services

from devices.agent import Agent
from devices.connections import Connections
from devices.ledger_access import ledger_access
from did.errors import KeybornError
from did.openid4vci import parse_offer
from did.vc.formats import Format, media_type, read_credential
from issuer.status_terms import StatusTerms

TEXTS = ("nothing", "battery low", "to be replaced")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path / "services", statuses=StatusTerms(messages=TEXTS)) as world:
        yield world


@pytest.fixture
def agent(world: Services, tmp_path: Path) -> Iterator[Agent]:
    with (
        Connections() as connections,
        ledger_access(world.network, tmp_path / "index.sqlite") as ledger,
    ):
        agent = Agent.born(tmp_path / "device", connections)
        agent.enroll(parse_offer(world.offer()), ledger)
        agent.register(ledger)
        yield agent


def act(world: Services, agent: Agent, verb: str, **body: str) -> None:
    path = f"/devices/{agent.did.canonical.text}/{verb}"
    answer = world.admin.post(path, json=body) if body else world.admin.post(path)
    assert answer.is_success, answer.text


def statuses(world: Services, agent: Agent) -> dict[str, Any]:
    """What the verifier's record says of each purpose."""
    answer: Any = agent.present(world.verifier_url)
    evidence = [
        step["evidence"] for step in answer["decision"]["steps"] if step["step"] == "6.8 status"
    ]
    return {facts["purpose"]: facts for facts in evidence}


def refusal(world: Services, agent: Agent) -> str:
    with pytest.raises(KeybornError) as caught:
        agent.present(world.verifier_url)
    return caught.value.code


def kept(world: Services) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(world.folder / "verifier" / "verifier.db")) as store:
        query = "SELECT url, version, etag, fetched FROM status_lists ORDER BY url"
        return store.execute(query).fetchall()


def test_what_the_operator_says_is_what_the_verifier_does(world: Services, agent: Agent) -> None:
    assert set(statuses(world, agent)) == {"revocation", "suspension", "message"}
    assert statuses(world, agent)["message"]["message"] == "nothing"

    act(world, agent, "tell", message="battery low")
    told = statuses(world, agent)["message"]
    assert (told["status"], told["message"]) == (1, "battery low")

    act(world, agent, "suspend")
    assert refusal(world, agent) == "suspended"
    act(world, agent, "reinstate")
    assert statuses(world, agent)["message"]["message"] == "battery low"
    act(world, agent, "revoke")
    assert refusal(world, agent) == "revoked"


def test_the_verifier_asks_whether_there_is_a_newer_one(world: Services, agent: Agent) -> None:
    """It asks each time here; what is unchanged stays as it was kept, fetched anew."""
    statuses(world, agent)
    first = kept(world)
    statuses(world, agent)
    second = kept(world)
    assert [row[:3] for row in second] == [row[:3] for row in first]
    assert all(later[3] > earlier[3] for earlier, later in zip(first, second, strict=True))
    for url, _, etag, _ in second:
        assert (
            httpx.get(url, headers={"if-none-match": etag, "accept": "application/vc"}).status_code
            == 304
        )


@pytest.mark.parametrize("format_", [Format.LDP_VC, Format.VC_JWT, Format.VC_COSE])
def test_anybody_reads_the_lists_in_each_format(
    world: Services, agent: Agent, format_: Format
) -> None:
    for facts in statuses(world, agent).values():
        answer = httpx.get(facts["list"], headers={"accept": media_type(format_)})
        credential = read_credential(answer.content, format_)
        credential.proof.verify(credential.proof.method.key())
        assert credential.issuer.text == world.issuer_did
        assert credential.subject["statusPurpose"] == facts["purpose"]
