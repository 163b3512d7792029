"""Who asks."""

import pytest
from actors import DEVICE

from did.errors import Invalid, Refused
from did.openid4vp.client_id import ClientId, Prefix, client_id_of, parse_client_id, parse_pin


@pytest.mark.parametrize(
    ("text", "prefix", "name"),
    [
        ("decentralized_identifier:did:example:123", Prefix.DID, "did:example:123"),
        (
            "redirect_uri:https://client.example/cb",
            Prefix.REDIRECT_URI,
            "https://client.example/cb",
        ),
        ("x509_san_dns:client.example", Prefix.X509_SAN_DNS, "client.example"),
        ("x509_hash:Uvo3", Prefix.X509_HASH, "Uvo3"),
        ("openid_federation:https://f.example", Prefix.FEDERATION, "https://f.example"),
        ("verifier_attestation:verifier.example", Prefix.ATTESTATION, "verifier.example"),
        ("origin:https://v.example", Prefix.ORIGIN, "https://v.example"),
        ("example-client", None, "example-client"),
        ("did:example:123", None, "did:example:123"),
        (
            "Decentralized_Identifier:did:example:123",
            None,
            "Decentralized_Identifier:did:example:123",
        ),
        ("decentralized_identifier", None, "decentralized_identifier"),
        ("", None, ""),
    ],
)
def test_the_prefix_is_what_stands_before_the_first_colon(
    text: str, prefix: Prefix | None, name: str
) -> None:
    parsed = parse_client_id(text)
    assert parsed == ClientId(prefix, name)
    assert parsed.text == text


@pytest.mark.parametrize("did", [DEVICE.short, DEVICE.did, DEVICE.key_did])
def test_a_did_that_asks(did: object) -> None:
    made = client_id_of(did)  # type: ignore[arg-type] # one of the three
    assert made.text == f"decentralized_identifier:{did}"
    assert parse_client_id(made.text).did() == did
    assert parse_pin(made.text) == parse_pin(str(did)) == did


@pytest.mark.parametrize("prefix", [None, *(each for each in Prefix if each is not Prefix.DID)])
def test_who_asks_in_another_way_is_not_known(prefix: Prefix | None) -> None:
    with pytest.raises(Refused) as caught:
        ClientId(prefix, DEVICE.short.text).did()
    assert caught.value.code == "client_id_prefix_not_supported"


def test_a_name_that_is_no_did() -> None:
    with pytest.raises(Invalid):
        ClientId(Prefix.DID, "https://client.example").did()
