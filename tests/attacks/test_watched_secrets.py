"""Nothing that opens anything stands in a log of any level, or in metrics."""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from actors import DEVICE, actor
from asking import asking
from gatehouse import gatehouse
from issuing import SECRETS, TERMS, TOKEN, issuing
from serving import serving

from did.jose import EncryptionKey
from did.keys import SigningKey
from issuer.app import create_app
from issuer.metadata import base_path
from keyborn.access import AccessLog
from keyborn.logs import _Json


class Said(logging.Handler):
    """All that is logged, as a service writes it, and all that is behind it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.setFormatter(_Json())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.args!r}")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[Said]:
    handler, root = Said(), logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    before = root.level
    root.setLevel(logging.DEBUG)
    for name in ("httpx", "httpcore"):  # this test's own client; services have them at WARNING
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("httpcore."):
            monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    yield handler
    root.setLevel(before)


def forms(secrets: Iterable[str | bytes | SigningKey]) -> set[str]:
    """The secrets, in each form in which they could be written."""
    found: set[str] = set()
    for each in secrets:
        raw = each.seed if isinstance(each, SigningKey) else each
        if isinstance(raw, bytes):
            found |= {raw.hex(), repr(raw)[2:-1]}
        else:
            found.add(raw)
    assert all(len(each) >= 8 for each in found)
    return found


def assert_silent(said: Said, text: str, secrets: set[str], events: int) -> None:
    lines = [json.loads(line.rpartition("} ")[0] + "}") for line in said.lines]
    requests = [line for line in lines if line["logger"] == "keyborn.access"]
    assert len(requests) >= events
    for each in secrets:
        assert each not in text
        assert not [line for line in said.lines if each in line], each[:4]
    # The twin: what is no secret is found by the same search.
    assert any("/metrics" in line for line in said.lines)


def test_an_enrolment_leaves_no_secret_behind(said: Said, tmp_path: Path) -> None:
    device, thief = actor("one that enrols"), actor("one that does not")
    with issuing(tmp_path) as world:
        app = create_app(world.issuer, admin_token=TOKEN)
        with (
            serving(app, access=AccessLog.ALL) as url,
            httpx.Client(base_url=url + base_path(world.issuer.url)) as client,
        ):
            world.http = client  # type: ignore[misc] # instead of the one that logs problems alone
            claim = world.claim(replace(TERMS, configuration=SECRETS))
            reply_to = EncryptionKey.generate("reply")
            token, nonce = world.token(claim), world.nonce()
            proofs = [world.proof(each, nonce=nonce) for each in (device, thief)]
            assert world.ask(token, proofs[0]).status_code == 200
            answers = [
                world.ask(token, proofs[0]),  # a nonce that was used
                world.ask(token, proofs[1]),
                world.ask(token[:-4] + "0000", proofs[0]),
                world.redeem(claim, **{"pre-authorized_code": claim.offer.code[:-4] + "0000"}),
                world.post("/notification", token, {"notification_id": nonce, "event": token}),
                client.get(f"/offers/{claim.offer.code}", params={"code": claim.offer.code}),
                client.get(f"/{token}", params={"token": token}),
                client.get("/v1/admin/claims", headers={"authorization": f"Bearer {TOKEN}x"}),
            ]
            assert all(answer.is_client_error for answer in answers)
            sealed = world.ask_sealed(token, world.proof(device), reply_to=reply_to)
            assert sealed.status_code == 200, sealed.text
            offered = client.get(f"/offers/{claim.reference.url.rpartition('/')[2]}")
            assert offered.status_code == 200
            text = httpx.get(f"{url}/metrics").text
            text = httpx.get(f"{url}/metrics").text
            signer = world.issuer.identity.signing().signer
            assert isinstance(signer, SigningKey)
            keys = world.issuer.keys
            secrets = forms(
                [
                    *(claim.offer.code, token, nonce, *proofs, TOKEN, sealed.text),
                    claim.reference.url.rpartition("/")[2],
                    "correct horse",  # of SECRETS
                    *(device.key, device.next_key, thief.key, signer, keys.nonce, keys.offer),
                ]
            )
    assert re.search(r"keyborn_http_requests_total\{.*/credential.*4xx", text)
    assert_silent(said, text, secrets, events=len(answers) + 5)


def test_a_presentation_leaves_no_secret_behind(said: Said, tmp_path: Path) -> None:
    with gatehouse(tmp_path) as house, asking(house, access=AccessLog.ALL) as gate:
        device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
        asked = gate.http.post("/v1/challenges", json={"did": DEVICE.did.text}).json()
        challenge = house.verifier().challenge(at=house.now)
        shown = house.present(device, credential, challenge=challenge)
        wrong = house.present(
            device, credential, challenge=challenge, audience="https://evil.example"
        )
        codes = [
            gate.http.post(f"/v1/presentations{query}", content=content).status_code
            for content, query in (
                (shown, ""),
                (shown, ""),
                (wrong, ""),
                (shown, f"?token={challenge.nonce}"),
            )
        ]
        assert codes == [200, 403, 403, 400]
        wish = gate.ask()
        request = gate.fetch(wish)
        assert gate.post(request, vp_token={}, state="s" * 22).status_code == 400
        assert gate.answer(request, credential).status_code == 200
        assert gate.answer(request, credential).status_code == 410
        gate.outcome(wish)
        gate.http.get(f"/v1/openid4vp/requests/{wish['id']}?response_code={wish['secret']}")
        text = gate.http.get("/metrics").text
        text = gate.http.get("/metrics").text
        signer = gate.exchange.identity.signer
        assert isinstance(signer, SigningKey)
        proof = json.loads(shown)["proof"]
        secrets = forms(
            [
                *(asked["challenge"], challenge.nonce, proof["proofValue"], request.nonce),
                *(wish["id"], wish["secret"], request.state, TOKEN, DEVICE.key, signer),
                house.store.challenge_key(),
                house.issuer.key,
            ]
        )
    assert 'outcome="refused"' in text
    assert_silent(said, text, secrets, events=len(codes) + 7)
