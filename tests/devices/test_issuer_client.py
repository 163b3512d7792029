from collections.abc import Iterator
from typing import Any

import pytest
from actors import DEVICE
from scripted_issuer import CODE, ScriptedIssuer, scripted_issuer
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devices.issuer_client import Issued, IssuerClient, Pending, check_issuer_url, explained
from devices.issuer_metadata import read_metadata
from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.jose import EncryptionKey, encrypt_jwe
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.possession import sign_possession
from keyborn import clock
from keyborn.client import connect

ALGORITHMS = "proof_signing_alg_values_supported"


@pytest.fixture
def client(issuer: ScriptedIssuer) -> Iterator[IssuerClient]:
    with connect(issuer.url) as http:
        yield IssuerClient(issuer.url, http)


def _proof(issuer: ScriptedIssuer, nonce: str) -> str:
    return sign_possession(
        DEVICE.did, DEVICE.key, audience=issuer.url, nonce=nonce, issued=clock.now()
    )


def _ask(
    client: IssuerClient, issuer: ScriptedIssuer, configuration: str = PROVISIONING_CONFIGURATION
) -> dict[str, Any]:
    metadata = client.metadata()
    token = client.token(metadata, CODE, None)
    proof = _proof(issuer, client.nonce(metadata))
    issued = client.credential(metadata, token.text, configuration, proof)
    assert isinstance(issued, Issued)
    assert issued.notification == f"note-{configuration}"
    assert isinstance(issued.credential, dict)
    return issued.credential


@pytest.mark.parametrize("configuration", [PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION])
def test_a_credential_travels_encrypted_both_ways(
    client: IssuerClient, issuer: ScriptedIssuer, configuration: str
) -> None:
    document = _ask(client, issuer, configuration)
    assert document["credentialSubject"]["id"] == DEVICE.short.text
    (sent,) = issuer.requests["/credential"]
    assert sent.count(b".") == 4
    assert b"proof" not in sent


def test_where_the_issuer_cannot_encrypt_the_request_is_plain(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.metadata["credential_request_encryption"] = None
    _ask(client, issuer)
    (sent,) = issuer.requests["/credential"]
    assert sent.startswith(b'{"credential_configuration_id":"device-provisioning","proofs":')


def test_a_credential_is_asked_for_by_its_identifier(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    """Regression: the configuration's id was sent all the same (section 8.2)."""
    issuer.metadata["credential_request_encryption"] = None
    details = [
        {"type": "another", "credential_configuration_id": 7},
        7,
        _detail("x-1", "x-2"),
        _detail("y", credential_configuration_id="elsewhere"),
    ]
    issuer.tokens.add("t")
    told = {"access_token": "t", "token_type": "Bearer", "authorization_details": details}
    issuer.answers["/token"] = [JSONResponse(told)]
    issuer.answers["/credential"] = [JSONResponse({"credentials": [{"credential": {"x": 1}}]})]
    metadata = client.metadata()
    token = client.token(metadata, CODE, None)
    assert token.identifiers == {PROVISIONING_CONFIGURATION: "x-1", "elsewhere": "y"}
    given = {"identifiers": token.identifiers}
    client.credential(metadata, "t", PROVISIONING_CONFIGURATION, "proof", **given)
    (sent,) = issuer.requests["/credential"]
    assert sent == b'{"credential_identifier":"x-1","proofs":{"jwt":["proof"]}}'
    with pytest.raises(Refused) as caught:
        client.credential(metadata, "t", CONFIGURATION_CONFIGURATION, "proof", **given)
    assert (caught.value.code, caught.value.step) == ("not_authorized", "credential")
    assert len(issuer.requests["/credential"]) == 1


def _detail(*identifiers: object, **changes: object) -> dict[str, object]:
    return {
        "type": "openid_credential",
        "credential_configuration_id": PROVISIONING_CONFIGURATION,
        "credential_identifiers": identifiers,
        **changes,
    }


@pytest.mark.parametrize("details", [None, [], {}, "x", [7], [{"type": "another"}]])
def test_details_of_nothing_of_ours(
    client: IssuerClient, issuer: ScriptedIssuer, details: object
) -> None:
    told = {"access_token": "t", "token_type": "Bearer", "authorization_details": details}
    issuer.answers["/token"] = [JSONResponse(told)]
    assert client.token(client.metadata(), CODE, None).identifiers is None


@pytest.mark.parametrize(
    "detail",
    [
        _detail(),
        _detail(7),
        _detail(""),
        _detail(credential_identifiers="x"),
        _detail(credential_identifiers=None),
        _detail("x", credential_configuration_id=None),
    ],
)
def test_details_that_are_no_details(
    client: IssuerClient, issuer: ScriptedIssuer, detail: object
) -> None:
    told = {"access_token": "t", "token_type": "Bearer", "authorization_details": [detail]}
    issuer.answers["/token"] = [JSONResponse(told)]
    with pytest.raises(Invalid) as caught:
        client.token(client.metadata(), CODE, None)
    assert (caught.value.code, caught.value.step) == ("invalid_answer", "token")


def test_the_answer_is_encrypted_to_another_key_each_time(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    _ask(client, issuer)
    _ask(client, issuer)
    told = [issuer.key.decrypt(sent.decode()) for sent in issuer.requests["/credential"]]
    keys = [request.partition(b'"x":')[2][:45] for request in told]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"credential_request_encryption": {"jwks": {"keys": []}, "enc_values_supported": []}},
        {"credential_request_encryption": {"enc_values_supported": ["A256GCM"]}},
        {
            "credential_request_encryption": {
                "jwks": {"keys": ["x", {"kty": "OKP", "crv": "Ed25519"}]},
                "enc_values_supported": ["A256GCM"],
            }
        },
        {"credential_request_encryption": {"jwks": {}, "enc_values_supported": ["A256GCM"]}},
        {"credential_response_encryption": None},
        {"credential_response_encryption": {"enc_values_supported": "A256GCM"}},
        {
            "credential_response_encryption": {
                "enc_values_supported": ["A256GCM"],
                "alg_values_supported": ["RSA-OAEP"],
            }
        },
    ],
)
def test_encryption_that_we_do_not_speak_is_none(
    client: IssuerClient, issuer: ScriptedIssuer, change: dict[str, Any]
) -> None:
    assert client.metadata().encryption is not None
    issuer.metadata.update(change)
    assert client.metadata().encryption is None


@pytest.mark.parametrize(
    "which", ["credential_request_encryption", "credential_response_encryption"]
)
def test_an_issuer_that_wants_what_we_cannot_encrypt_gets_nothing_in_the_clear(
    client: IssuerClient, issuer: ScriptedIssuer, which: str
) -> None:
    """Regression: the request went in the clear (sections 8.2 and 9.1), with token and proof."""
    said = {**client._get("openid-credential-issuer", "test")[which], "encryption_required": True}  # type: ignore[dict-item] # an object
    issuer.metadata[which] = said
    assert client.metadata().encryption is not None
    issuer.metadata[which] = {**said, "enc_values_supported": ["A128GCM"]}
    with pytest.raises(Refused) as caught:
        client.metadata()
    assert (caught.value.code, caught.value.step) == ("encryption_not_supported", "metadata")


@pytest.mark.parametrize(
    "first",
    [
        {"use": "sig"},
        {"alg": "ECDH-ES+A256KW"},
        {"alg": None},
        {"kty": "EC", "crv": "P-256"},
        {"kid": 5},
        {"x": None},
    ],
)
def test_of_several_keys_one_that_can_be_used_is(
    client: IssuerClient, issuer: ScriptedIssuer, first: dict[str, Any]
) -> None:
    """Regression: the first X25519 key was taken, whatever it was for, and nothing went through."""
    good = issuer.key.public_jwk()
    issuer.metadata["credential_request_encryption"] = {
        "jwks": {"keys": [{**good, **first}, good]},
        "enc_values_supported": ["A256GCM"],
    }
    assert client.metadata().encryption == good
    assert _ask(client, issuer)["credentialSubject"]["id"] == DEVICE.short.text


def test_metadata_names_what_can_be_had_in_our_format(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.metadata["credential_configurations_supported"] = {
        "device-provisioning": {"format": "ldp_vc"},
        "device-configuration": {"format": "mso_mdoc"},
        "broken": 7,
    }
    assert client.metadata().configurations == {"device-provisioning": "jwt"}


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ({"di_vp": {}, "jwt": {}}, {"device-provisioning": "jwt"}),
        ({"di_vp": {}, "attestation": {}}, {"device-provisioning": "di_vp"}),
        ({"attestation": {}}, {}),
        (["jwt"], {}),
        # Section 12.2.4: with an algorithm that is listed, and attested keys where they have to be.
        ({"jwt": {ALGORITHMS: ["ES256", "EdDSA"]}}, {"device-provisioning": "jwt"}),
        ({"jwt": {ALGORITHMS: ["ES256"]}, "di_vp": {}}, {"device-provisioning": "di_vp"}),
        ({"jwt": {ALGORITHMS: ["ES256"]}}, {}),
        ({"jwt": {ALGORITHMS: "EdDSA"}}, {}),
        ({"di_vp": {ALGORITHMS: ["ecdsa-jcs-2019"]}}, {}),
        ({"jwt": {ALGORITHMS: ["EdDSA"], "key_attestations_required": {}}}, {}),
        ({"jwt": None}, {}),
    ],
)
def test_metadata_names_the_proof_type_to_ask_with(
    client: IssuerClient, issuer: ScriptedIssuer, types: object, expected: dict[str, str]
) -> None:
    issuer.metadata["credential_configurations_supported"] = {
        "device-provisioning": {"format": "ldp_vc", "proof_types_supported": types}
    }
    assert client.metadata().configurations == expected


def test_each_format_has_its_own_configuration(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.metadata["credential_configurations_supported"] = {
        "device-provisioning-vc-jwt": {"format": "vc+jwt"},
        "device-provisioning-vc-cose": {"format": "vc+jwt"},
    }
    assert client.metadata().configurations == {"device-provisioning-vc-jwt": "jwt"}


@pytest.mark.parametrize("name", ["deferred_credential_endpoint", "notification_endpoint"])
def test_endpoints_that_an_issuer_need_not_have(
    client: IssuerClient, issuer: ScriptedIssuer, name: str
) -> None:
    issuer.metadata[name] = "https://elsewhere.example/x"
    with pytest.raises(Invalid) as caught:
        client.metadata()
    assert caught.value.code == "invalid_issuer_metadata"
    told = {**client._get("openid-credential-issuer", "test")}
    del told[name]
    server = client._get("oauth-authorization-server", "test")
    metadata = read_metadata(client.issuer, told, server)
    assert None in (metadata.deferred_endpoint, metadata.notification_endpoint)
    if metadata.deferred_endpoint is None:
        with pytest.raises(Invalid) as caught:
            client.deferred(metadata, "token", "transaction")
        assert caught.value.code == "invalid_issuer_metadata"


def test_a_credential_may_be_deferred(client: IssuerClient, issuer: ScriptedIssuer) -> None:
    issuer.deferring = True
    metadata = client.metadata()
    token = client.token(metadata, CODE, None).text
    proof = _proof(issuer, client.nonce(metadata))
    asked = client.credential(metadata, token, PROVISIONING_CONFIGURATION, proof)
    assert isinstance(asked, Pending)
    assert asked.interval == 5
    assert client.deferred(metadata, token, asked.transaction) == asked
    issuer.deferring = False
    issued = client.deferred(metadata, token, asked.transaction)
    assert isinstance(issued, Issued)
    client.notify(issuer.url + "/notification", token, "id", "credential_accepted", None)
    client.notify(issuer.url + "/notification", token, "id", "credential_failure", "why")
    assert issuer.heard == [
        ("id", "credential_accepted", None),
        ("id", "credential_failure", "why"),
    ]
    assert all(sent.count(b".") == 4 for sent in issuer.requests["/deferred_credential"])


def test_an_interval_may_have_a_fraction(client: IssuerClient, issuer: ScriptedIssuer) -> None:
    """Section 8.3: a positive number; it is waited for no less."""
    issuer.metadata["credential_request_encryption"] = None
    metadata = client.metadata()
    issuer.answers["/deferred_credential"] = [Response(b'{"transaction_id":"t","interval":2.1}')]
    assert client.deferred(metadata, client.token(metadata, CODE, None).text, "t") == Pending(
        "t", 3
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"credential_issuer": "https://elsewhere.example"}, "wrong_issuer"),
        ({"credential_issuer": 7}, "wrong_issuer"),
        ({"authorization_servers": ["https://elsewhere.example"]}, "invalid_issuer_metadata"),
        ({"authorization_servers": "x"}, "invalid_issuer_metadata"),
        ({"credential_configurations_supported": []}, "invalid_issuer_metadata"),
        ({"nonce_endpoint": "http://169.254.169.254/latest"}, "invalid_issuer_metadata"),
        ({"nonce_endpoint": "http://[::1/"}, "invalid_issuer_metadata"),
        ({"credential_endpoint": None}, "invalid_issuer_metadata"),
    ],
)
def test_metadata_that_points_elsewhere_or_is_broken_is_refused(
    client: IssuerClient, issuer: ScriptedIssuer, change: dict[str, Any], code: str
) -> None:
    issuer.metadata.update(change)
    with pytest.raises(KeybornError) as caught:
        client.metadata()
    assert (caught.value.code, caught.value.step) == (code, "metadata")


def test_an_endpoint_with_credentials_in_its_url_is_refused(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.server_metadata["token_endpoint"] = issuer.url.replace("://", "://user:pw@") + "/token"
    with pytest.raises(Invalid, match="token_endpoint"):
        client.metadata()


def test_the_authorization_server_must_be_the_issuer(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.server_metadata["issuer"] = "https://elsewhere.example"
    with pytest.raises(Refused, match="another issuer"):
        client.metadata()


@pytest.mark.parametrize(
    ("path", "server", "issuer"),
    [("", "", ""), ("/", "", ""), ("/plant/7", "/plant/7", "/plant/7"), ("/p/", "/p", "/p/")],
)
def test_well_known_comes_before_the_path_of_an_issuer(path: str, server: str, issuer: str) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse({})

    app = Starlette(routes=[Route("/{path:path}", answer)])
    with serving(app) as url, connect(url) as http, pytest.raises(KeybornError):
        IssuerClient(f"{url.rstrip('/')}{path}", http).metadata()
    assert asked == [
        f"/.well-known/oauth-authorization-server{server}",
        f"/.well-known/openid-credential-issuer{issuer}",
    ]


@pytest.mark.parametrize(("slash", "other"), [("", "/"), ("/", "")])
def test_an_issuer_is_known_by_its_very_name(
    client: IssuerClient, issuer: ScriptedIssuer, slash: str, other: str
) -> None:
    """Regression: a final slash made no difference (section 12.2.4: simple string comparison)."""
    name = f"{issuer.url}{slash}"
    issuer.metadata["credential_issuer"] = issuer.server_metadata["issuer"] = name
    named = IssuerClient(name, client._http)
    assert named.metadata().configurations
    with pytest.raises(Refused) as caught:
        IssuerClient(f"{issuer.url}{other}", client._http).metadata()
    assert caught.value.code == "wrong_issuer"


def test_what_the_issuer_refuses_has_its_step(client: IssuerClient) -> None:
    with pytest.raises(Invalid) as caught:
        client.token(client.metadata(), "another-code", None)
    error = caught.value
    assert (error.code, error.step) == ("invalid_grant", "token")
    assert error.message == "there is no such code"


CHECK = "check the transaction code, or ask the operator for a new claim"


@pytest.mark.parametrize(
    ("said", "code", "message", "hint"),
    [
        ("it is over [code_expired]; ask again", "code_expired", "it is over", "ask again"),
        ("the code is wrong [wrong_tx_code]", "wrong_tx_code", "the code is wrong", CHECK),
        ("no", "invalid_grant", "no", CHECK),
        ("no [Not A Code]", "invalid_grant", "no [Not A Code]", CHECK),
    ],
)
def test_the_issuers_own_word_is_taken_out_of_what_oauth_allows(
    said: str, code: str, message: str, hint: str
) -> None:
    error = explained(Invalid("invalid_grant", said, step="token"))
    assert (error.code, error.message, error.hint) == (code, message, hint)


def test_a_hint_of_the_issuer_is_kept() -> None:
    assert explained(Invalid("invalid_grant", "no", hint="ask nicely")).hint == "ask nicely"


@pytest.mark.parametrize("code", ["unreachable", "timeout"])
def test_where_nobody_answers_nothing_is_lost(code: str) -> None:
    error = explained(Unavailable(code, "nobody answers", hint="check that the service runs"))
    assert "nothing is lost" in str(error.hint)


def test_an_issuer_that_is_busy_says_when_to_come_again(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.answers["/nonce"] = [
        JSONResponse({"title": "busy"}, 503, headers={"Retry-After": "7"}),
    ]
    with pytest.raises(Unavailable) as caught:
        client.nonce(client.metadata())
    assert caught.value.retry_after == 7


def test_an_issuer_that_is_not_there_is_unreachable() -> None:
    with scripted_issuer() as issuer:
        pass
    with connect(issuer.url) as http, pytest.raises(Unavailable) as caught:
        IssuerClient(issuer.url, http).metadata()
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": "t"},
        {"access_token": "t", "token_type": "DPoP"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "t" * 5000, "token_type": "Bearer"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": "600"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": -1},
        {"access_token": "t", "token_type": "Bearer", "expires_in": True},
    ],
)
def test_a_token_answer_of_another_form_is_refused(
    client: IssuerClient, issuer: ScriptedIssuer, answer: dict[str, Any]
) -> None:
    metadata = client.metadata()
    issuer.answers["/token"] = [JSONResponse(answer)]
    with pytest.raises(Invalid) as caught:
        client.token(metadata, CODE, None)
    assert (caught.value.code, caught.value.step) == ("invalid_answer", "token")
    assert client.token(metadata, CODE, None).lifetime == 600


@pytest.mark.parametrize("answer", [{}, {"c_nonce": 7}, {"c_nonce": "n" * 2000}, {"c_nonce": "ü"}])
def test_a_nonce_answer_of_another_form_is_refused(
    client: IssuerClient, issuer: ScriptedIssuer, answer: dict[str, Any]
) -> None:
    metadata = client.metadata()
    issuer.answers["/nonce"] = [JSONResponse(answer)]
    with pytest.raises(Invalid, match="c_nonce"):
        client.nonce(metadata)
    assert client.nonce(metadata)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"{}", "invalid_answer"),
        (b'{"credentials":[]}', "invalid_answer"),
        (b'{"credentials":[{},{}]}', "invalid_answer"),
        (b'{"credentials":[{"credential":null}]}', "invalid_answer"),
        (b'{"credentials":[7]}', "invalid_answer"),
        (b'{"transaction_id":"t"}', "invalid_answer"),
        (b'{"transaction_id":"t","interval":0}', "invalid_answer"),
        (b'{"transaction_id":"t","interval":"5"}', "invalid_answer"),
        (b'{"transaction_id":"","interval":5}', "invalid_answer"),
        (b'{"transaction_id":"t","interval":5,"credentials":[]}', "invalid_answer"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"transaction_id":"t","interval":true}', "invalid_answer"),
        (b'{"transaction_id":"t","interval":-0.5}', "invalid_answer"),
        (b'{"credentials":[{"credential":{"signed":1.5}}]}', "json_number"),
    ],
)
def test_an_answer_without_one_credential_is_refused(
    client: IssuerClient, issuer: ScriptedIssuer, answer: bytes, code: str
) -> None:
    issuer.metadata["credential_request_encryption"] = None
    issuer.answers["/credential"] = [Response(answer)]
    with pytest.raises(Invalid) as caught:
        _ask(client, issuer)
    assert (caught.value.code, caught.value.step) == (code, "credential")


@pytest.mark.parametrize(
    "answer",
    [
        b'{"credentials":[{"credential":{}}]}',
        encrypt_jwe(b"{}", EncryptionKey.generate("response").public_jwk()).encode(),
        "ü".encode(),
    ],
)
def test_an_answer_that_is_not_encrypted_to_us_is_refused(
    client: IssuerClient, issuer: ScriptedIssuer, answer: bytes
) -> None:
    issuer.answers["/credential"] = [Response(answer)]
    with pytest.raises(Invalid) as caught:
        _ask(client, issuer)
    assert (caught.value.code, caught.value.step) == ("invalid_jwe", "credential")


def test_an_answer_without_end_is_refused(client: IssuerClient, issuer: ScriptedIssuer) -> None:
    issuer.answers["/credential"] = [Response(b"x" * 1_000_000)]
    with pytest.raises(Invalid) as caught:
        _ask(client, issuer)
    assert caught.value.code == "answer_too_large"


def test_a_redirect_is_not_followed(client: IssuerClient, issuer: ScriptedIssuer) -> None:
    issuer.answers["/token"] = [Response(status_code=307, headers={"Location": "/nonce"})]
    with pytest.raises(Invalid) as caught:
        client.token(client.metadata(), CODE, None)
    assert caught.value.code == "redirected"
    assert not issuer.requests["/nonce"]


@pytest.mark.parametrize(
    ("url", "explicit"),
    [
        ("https://issuer.example", False),
        ("https://issuer.example/plant/7", False),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost:8080", False),
        ("http://10.0.0.7", True),
    ],
)
def test_issuers_that_a_device_may_enrol_at(url: str, explicit: bool) -> None:  # noqa: FBT001
    check_issuer_url(url, explicit=explicit)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.7", "insecure_issuer"),
        ("http://issuer.example", "insecure_issuer"),
        ("http://localhost.example", "insecure_issuer"),
        ("ftp://issuer.example", "invalid_issuer_url"),
        ("https://", "invalid_issuer_url"),
        ("https://issuer.example?x=1", "invalid_issuer_url"),
        ("https://issuer.example#x", "invalid_issuer_url"),
        ("https://user:pw@issuer.example", "invalid_issuer_url"),
        ("https://[::1", "invalid_issuer_url"),
        ("https://issuer.example:99999", "invalid_issuer_url"),
    ],
)
def test_issuers_that_a_device_does_not_enrol_at(url: str, code: str) -> None:
    with pytest.raises(KeybornError) as caught:
        check_issuer_url(url, explicit=False)
    assert caught.value.code == code


def test_metadata_is_asked_for_as_json(client: IssuerClient) -> None:
    assert client._http.headers["accept"] == "application/json"
    assert client.metadata().configurations


def test_what_is_not_known_in_answers_is_ignored(
    client: IssuerClient, issuer: ScriptedIssuer
) -> None:
    issuer.tokens.add("t")
    told: dict[str, Any] = {"access_token": "t", "token_type": "bearer", "scope": "x", "more": [1]}
    issuer.answers["/token"] = [JSONResponse(told)]
    metadata = client.metadata()
    assert client.token(metadata, CODE, None).text == "t"
    document = {"credential": {"x": 1}, "more": 1.5}
    issuer.metadata["credential_request_encryption"] = None
    issuer.answers["/credential"] = [JSONResponse({"credentials": [document], "c_nonce": "x"})]
    answer = client.credential(client.metadata(), "t", PROVISIONING_CONFIGURATION, "proof")
    assert answer == Issued({"x": 1}, None)
