"""Steps of an enrolment left out, repeated or taken from somebody else's: none is optional.

The whole way is: a code for a claim, a token for the code, a nonce, a proof of possession over it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from actors import DEVICE, STRANGER
from issuing import SECRETS, TERMS, World, issuing
from sqlalchemy import func, select

from did.openid4vci import CONFIGURATION_CONFIGURATION, PRE_AUTHORIZED
from issuer import tokens
from issuer.store import grants


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with issuing(tmp_path_factory.mktemp("issuer")) as world:
        yield world


def credential(world: World, token: str | None, **body: object) -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return world.http.post("/credential", json=body, headers=headers)


def provisioning(world: World) -> dict[str, object]:
    proofs = {"jwt": [world.proof(DEVICE)]}
    return {"credential_configuration_id": "device-provisioning", "proofs": proofs}


def form(world: World, **fields: str) -> httpx.Response:
    return world.http.post("/token", data=fields)


SKIPPED: dict[str, Callable[[World], httpx.Response]] = {
    "no token": lambda world: credential(world, None, **provisioning(world)),
    "the code for a token": lambda world: credential(
        world, world.claim().offer.code, **provisioning(world)
    ),
    "a token under a key of one's own": lambda world: credential(
        world, tokens.mint(bytes(32), world.claim().id, at=world.clock()), **provisioning(world)
    ),
    "a token for a claim that is not there": lambda world: credential(
        world,
        tokens.mint(world.issuer.keys.token, "0" * 32, at=world.clock()),
        **provisioning(world),
    ),
    "no proof": lambda world: credential(
        world, world.token(world.claim()), credential_configuration_id="device-provisioning"
    ),
    "no proof in the list": lambda world: credential(
        world, world.token(world.claim()), **{**provisioning(world), "proofs": {"jwt": []}}
    ),
    "a proof without a nonce of the issuer": lambda world: world.ask(
        world.token(world.claim()), world.proof(DEVICE, nonce="x" * 43)
    ),
    "a proof by another key": lambda world: world.ask(
        world.token(world.claim()), world.proof(DEVICE, signer=STRANGER.key)
    ),
    "no code": lambda world: form(world, grant_type=PRE_AUTHORIZED),
    "an empty code": lambda world: form(
        world, **{"grant_type": PRE_AUTHORIZED, "pre-authorized_code": ""}
    ),
    "another grant": lambda world: form(
        world,
        **{"grant_type": "client_credentials", "pre-authorized_code": world.claim().offer.code},
    ),
    "no transaction code where one is due": lambda world: form(
        world,
        **{
            "grant_type": PRE_AUTHORIZED,
            "pre-authorized_code": world.claim(replace(TERMS, tx_code=True)).offer.code,
        },
    ),
    "secrets without encryption": lambda world: world.ask(
        world.token(world.claim(replace(TERMS, configuration=SECRETS))),
        world.proof(DEVICE),
        configuration=CONFIGURATION_CONFIGURATION,
    ),
}


def count(world: World) -> int:
    with world.issuer.engine.begin() as connection:
        return connection.execute(select(func.count(grants.c.claim))).scalar_one()


@pytest.mark.parametrize("step", SKIPPED)
def test_no_step_can_be_skipped(world: World, step: str) -> None:
    before = count(world)
    answer = SKIPPED[step](world)
    assert answer.status_code in {400, 401}
    assert "psk" not in answer.text
    assert count(world) == before

    whole = credential(world, world.token(world.claim()), **provisioning(world))
    assert whole.status_code == 200
    assert count(world) == before + 1
