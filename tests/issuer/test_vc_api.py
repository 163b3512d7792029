"""The VC-API of an issuer with a real identity on a real log."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from data_model_cases import MINIMAL
from issuing import TOKEN, World
from serving import serving

from did.errors import Unavailable
from did.vc.contexts import UNDEFINED_TERMS, V2
from did.vc.credential import CONFIGURATION, PROVISIONING, parse_credential
from issuer.app import create_app


@pytest.fixture
def api(world: World) -> Iterator[httpx.Client]:
    app = create_app(world.issuer, admin_token=TOKEN, with_vc_api=True)
    headers = {"authorization": f"Bearer {TOKEN}"}
    with serving(app) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client


def issue(api: httpx.Client, credential: dict[str, Any], **options: Any) -> httpx.Response:
    body = {"credential": credential, "options": options}
    return api.post("/credentials/issue", json=body)


def test_it_signs_in_its_own_name_with_its_current_key(world: World, api: httpx.Client) -> None:
    answer = issue(api, MINIMAL)
    assert answer.status_code == 201
    issued = parse_credential(answer.json()["verifiableCredential"])
    assert issued.issuer == world.issuer.identity.did
    issued.proof.verify(world.issuer.identity.key)
    assert issued.proof.created == world.clock.moment.replace(microsecond=0)


@pytest.mark.parametrize("token", [None, "x" * 43])
def test_it_is_closed_without_the_administration_token(
    api: httpx.Client, token: str | None
) -> None:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = httpx.post(api.base_url.join("/credentials/issue"), json={}, headers=headers)
    assert answer.status_code == 401


def test_it_is_not_there_unless_it_is_asked_for(world: World) -> None:
    assert world.http.post("/credentials/issue", json={}).status_code == 404


@pytest.mark.parametrize("name", [PROVISIONING, CONFIGURATION])
def test_what_enrolment_alone_gives(api: httpx.Client, name: str) -> None:
    wanted = {
        **MINIMAL,
        "@context": [V2, UNDEFINED_TERMS],
        "type": ["VerifiableCredential", name],
    }
    answer = issue(api, wanted)
    assert (answer.status_code, answer.json()["code"]) == (400, "reserved_type")
    assert issue(api, {**wanted, "type": ["VerifiableCredential", "Another"]}).status_code == 201


def test_nothing_is_signed_while_the_key_is_rotated(
    world: World, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pending() -> None:
        raise Unavailable("rotation_pending", "the issuer is rotating its key", retry_after=2)

    monkeypatch.setattr(world.issuer.identity, "signing", pending)
    answer = issue(api, MINIMAL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["code"] == "rotation_pending"
    monkeypatch.undo()
    assert issue(api, MINIMAL).status_code == 201
