from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import DEVICE, actor
from gatehouse import Issuer
from street import Street, street
from web_hosts import document, web_host

from did.errors import Invalid, Refused
from did.web_identifier import WebDid
from keyborn.clock import now
from keyborn.public_https import PublicHttps
from verifier.opening import open_verifier, verifier_at
from verifier.trust_file import load_trust_root
from verifier.trust_writing import write_trust_root

AUDIENCE = "https://door.example"


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Street]:
    with street(tmp_path) as around:
        yield around


def test_a_verifier_from_a_file_and_a_directory(outside: Street, tmp_path: Path) -> None:
    place = tmp_path / "state" / "door"
    with verifier_at(load_trust_root(outside.trust), place, audience=AUDIENCE) as verifier:
        challenge = verifier.challenge(at=now(), did=DEVICE.did)
        answer = outside.answer(challenge)

        assert verifier.admit(answer, at=now()).did == DEVICE.short
        assert (verifier.audience, challenge.audience) == (AUDIENCE, AUDIENCE)
        assert verifier.trust_root.issuers[0].did == outside.house.issuer.did

    again = open_verifier(outside.trust, place, audience=AUDIENCE)
    with pytest.raises(Refused) as caught:
        again.admit(answer, at=now())
    assert caught.value.code == "challenge_used"
    again.admit(outside.answer(again.challenge(at=now())), at=now())


def test_a_directory_that_others_can_read(outside: Street, tmp_path: Path) -> None:
    place = tmp_path / "door"
    place.mkdir(mode=0o755)
    root = load_trust_root(outside.trust)

    with (
        pytest.raises(Refused) as caught,
        verifier_at(root, place, audience=AUDIENCE),
    ):
        raise AssertionError
    assert caught.value.code == "store_readable_by_others"

    place.chmod(0o700)
    with verifier_at(root, place, audience=AUDIENCE):
        pass


def test_a_trust_root_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_text("issuers = []\n")

    with pytest.raises(Invalid) as caught:
        open_verifier(path, tmp_path / "door", audience=AUDIENCE)
    assert caught.value.code == "invalid_trust_root"


def test_a_did_web_issuer_is_fetched_as_its_trust_root_allows(
    outside: Street, tmp_path: Path
) -> None:
    web = actor("an issuer with a host")
    with web_host(tmp_path) as host:
        did = WebDid("localhost", host.port)
        issuer = Issuer(outside.house, web, did=did)
        credential = issuer.issue(DEVICE.short, statuses=())
        content = document(did, web)
        name = f"{did.text}#{web.key.public_key().multibase}"
        content["verificationMethod"][0]["id"] = name
        host.serve(did, {**content, "assertionMethod": [name], "authentication": []})
        path = tmp_path / "web.toml"
        write_trust_root(path, outside.house.trust_root(issuer.trusted(status=())))
        root = load_trust_root(path)
        assert root.issuers[0].did == did

        def admit(place: str, https: PublicHttps | None) -> None:
            with verifier_at(root, tmp_path / place, audience=AUDIENCE, https=https) as verifier:
                challenge = verifier.challenge(at=now(), did=DEVICE.did)
                answer = outside.house.present(outside.device, credential, challenge=challenge)
                assert verifier.admit(answer, at=now()).issuer == did

        admit("one", host.https())
        with pytest.raises(Refused) as caught:
            admit("two", None)
        assert caught.value.code == "address_not_public"
