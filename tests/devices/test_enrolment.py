from dataclasses import replace

import pytest
from actors import DEVICE, ISSUER, LOG_ID, STRANGER
from scripted_issuer import (
    SECRET,
    TX_CODE,
    KnownLog,
    ScriptedIssuer,
    credential,
    refusal,
)
from starlette.responses import JSONResponse

from devices.enrolment import Enrolment, begin
from devices.progress import Progress
from devices.store import Store
from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    PROVISIONING_CONFIGURATION,
    Offer,
    TxCode,
)
from keyborn import clock
from keyborn.client import connect

OFFER = Offer("https://issuer.example", (PROVISIONING_CONFIGURATION,), "code")


def _finish(
    store: Store,
    progress: Progress,
    *,
    log: KnownLog | None = None,
) -> Progress:
    enrolment = Enrolment(
        store,
        did=DEVICE.did,
        signer=DEVICE.key,
        log_id=LOG_ID,
        resolver=log or KnownLog(ISSUER),
        clock=clock.now,
    )
    with connect(progress.issuer) as http:
        return enrolment.finish(progress, http)


def test_an_enrolment_ends_with_both_credentials(store: Store, issuer: ScriptedIssuer) -> None:
    progress = _finish(store, begin(store, issuer.offer()))
    assert progress.complete
    assert progress == store.progress()
    assert progress.issuer_did == ISSUER.short.text
    for name in ("provisioning", "configuration"):
        assert store.credential(name) == issuer.granted[f"device-{name}"]
    assert SECRET in str(store.credential("configuration"))


def test_only_what_is_offered_is_asked_for(store: Store, issuer: ScriptedIssuer) -> None:
    offer = issuer.offer(PROVISIONING_CONFIGURATION, "something-else", PROVISIONING_CONFIGURATION)
    _finish(store, begin(store, offer))
    assert list(issuer.granted) == [PROVISIONING_CONFIGURATION]
    assert len(issuer.requests["/credential"]) == 1


def test_one_token_serves_all_credentials_and_each_proof_has_its_own_nonce(
    store: Store, issuer: ScriptedIssuer
) -> None:
    _finish(store, begin(store, issuer.offer()))
    assert len(issuer.requests["/token"]) == 1
    assert len(issuer.requests["/nonce"]) == 2
    assert not issuer.nonces


def test_a_claim_is_stored_before_it_is_used(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.answers["/token"] = [JSONResponse({}, 503)]
    with pytest.raises(Unavailable):
        _finish(store, begin(store, issuer.offer()))
    known = store.progress()
    assert known is not None
    assert known.code == issuer.offer().code
    assert _finish(store, known).complete


@pytest.mark.parametrize(
    ("path", "passage"),
    [("/token", 0), ("/nonce", 0), ("/nonce", 1), ("/credential", 0), ("/credential", 1)],
)
def test_whatever_fails_repeating_it_ends_with_the_same_credentials(
    store: Store, issuer: ScriptedIssuer, path: str, passage: int
) -> None:
    issuer.answers[path] = [*([None] * passage), JSONResponse({"error": "busy"}, 503)]
    with pytest.raises(Unavailable):
        _finish(store, begin(store, issuer.offer()))
    assert _finish(store, begin(store, issuer.offer())).complete
    assert store.credential("provisioning") == issuer.granted[PROVISIONING_CONFIGURATION]
    assert len(issuer.requests["/token"]) == (2 if path == "/token" else 1)


def test_a_token_that_is_over_is_asked_for_anew(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.answers["/credential"] = [None, JSONResponse({}, 503)]
    issuer.lifetime = 0
    with pytest.raises(Unavailable):
        _finish(store, begin(store, issuer.offer()))
    half = store.progress()
    assert half is not None
    assert half.missing == (CONFIGURATION_CONFIGURATION,)
    before = len(issuer.requests["/token"])
    assert _finish(store, half).complete
    assert len(issuer.requests["/token"]) == before + 1


def test_a_token_that_the_issuer_forgot_is_asked_for_anew(
    store: Store, issuer: ScriptedIssuer
) -> None:
    issuer.lifetime = None
    issuer.answers["/credential"] = [refusal("invalid_token", "over [token_expired]", 401)]
    assert _finish(store, begin(store, issuer.offer())).complete
    assert len(issuer.requests["/token"]) == 2


def test_a_token_that_is_refused_twice_is_an_error(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.answers["/credential"] = [refusal("invalid_token", "no", 401)] * 2
    with pytest.raises(Refused) as caught:
        _finish(store, begin(store, issuer.offer()))
    assert (caught.value.code, caught.value.step) == ("invalid_token", "credential")
    assert "repeat the enrolment" in str(caught.value.hint)


def test_a_nonce_that_was_used_is_replaced_once(store: Store, issuer: ScriptedIssuer) -> None:
    used = refusal("invalid_nonce", "it was used")
    issuer.answers["/credential"] = [used, used]
    with pytest.raises(Invalid) as caught:
        _finish(store, begin(store, issuer.offer()))
    assert caught.value.code == "invalid_nonce"
    issuer.answers["/credential"] = [used]
    assert _finish(store, begin(store, issuer.offer())).complete


def test_a_claim_that_another_device_took_is_refused_with_its_reason(
    store: Store, issuer: ScriptedIssuer
) -> None:
    issuer.answers["/credential"] = [
        refusal("credential_request_denied", "another device took it [claim_used]; ask again")
    ]
    with pytest.raises(KeybornError) as caught:
        _finish(store, begin(store, issuer.offer()))
    assert (caught.value.code, caught.value.hint) == ("claim_used", "ask again")
    assert store.credential("provisioning") is None


def test_nothing_is_stored_that_was_not_verified(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.granted[PROVISIONING_CONFIGURATION] = credential(STRANGER.did)
    with pytest.raises(Refused) as caught:
        _finish(store, begin(store, issuer.offer()))
    assert caught.value.code == "holder_not_subject"
    assert store.credential("provisioning") is None
    issuer.granted.clear()
    assert _finish(store, begin(store, issuer.offer())).complete


def test_both_credentials_come_from_one_issuer(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.granted[CONFIGURATION_CONFIGURATION] = credential(
        DEVICE.did, CONFIGURATION_CONFIGURATION, issuer=STRANGER
    )
    with pytest.raises(Refused) as caught:
        _finish(store, begin(store, issuer.offer()), log=KnownLog(ISSUER, STRANGER))
    assert caught.value.code == "wrong_issuer"
    assert store.credential("configuration") is None


def test_secrets_never_travel_in_the_clear(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.metadata["credential_request_encryption"] = None
    with pytest.raises(Refused) as caught:
        _finish(store, begin(store, issuer.offer()))
    assert caught.value.code == "encryption_not_offered"
    assert not issuer.requests["/token"]
    issuer.metadata.clear()
    assert _finish(store, begin(store, issuer.offer())).complete


def test_an_issuer_that_does_not_know_its_own_offer_is_refused(
    store: Store, issuer: ScriptedIssuer
) -> None:
    issuer.metadata["credential_configurations_supported"] = {"x": {"format": "ldp_vc"}}
    with pytest.raises(Invalid) as caught:
        _finish(store, begin(store, issuer.offer()))
    assert caught.value.code == "unsupported_configuration"


def test_a_wrong_transaction_code_can_be_put_right(store: Store, issuer: ScriptedIssuer) -> None:
    issuer.tx_code = TX_CODE
    with pytest.raises(Invalid) as caught:
        _finish(store, begin(store, issuer.offer(), tx_code="000000"))
    assert caught.value.code == "invalid_grant"
    assert _finish(store, begin(store, issuer.offer(), tx_code=TX_CODE)).complete


def test_an_enrolment_is_taken_up_without_its_transaction_code(
    store: Store, issuer: ScriptedIssuer
) -> None:
    issuer.tx_code = TX_CODE
    begin(store, issuer.offer(), tx_code=TX_CODE)
    assert _finish(store, begin(store, issuer.offer())).complete


@pytest.mark.parametrize(
    ("needed", "given", "code"),
    [
        (None, "1234", "tx_code_not_needed"),
        (TxCode(4), None, "tx_code_needed"),
        (TxCode(4, "in the letter"), None, "tx_code_needed"),
        (TxCode(4), "12345", "invalid_tx_code"),
    ],
)
def test_transaction_codes_that_cannot_be_right_are_not_tried(
    store: Store, needed: TxCode | None, given: str | None, code: str
) -> None:
    offer = replace(OFFER, tx_code=needed)
    with pytest.raises(Invalid) as caught:
        begin(store, offer, tx_code=given)
    assert (caught.value.code, caught.value.step) == (code, "offer")
    if needed is not None:
        assert "4 digits" in str(caught.value.hint)
        assert (needed.description or "") in str(caught.value.hint)
    assert store.progress() is None


def test_a_transaction_code_of_any_length_goes_where_the_offer_states_none(store: Store) -> None:
    assert begin(store, replace(OFFER, tx_code=TxCode(0)), tx_code="12345").tx_code == "12345"


def test_an_offer_of_another_issuer_than_named_is_refused(store: Store) -> None:
    assert begin(store, OFFER, issuer="https://issuer.example").issuer == OFFER.issuer
    with pytest.raises(Refused) as caught:
        begin(store, OFFER, issuer="https://other.example")
    assert caught.value.code == "wrong_issuer"


def test_an_issuer_is_named_as_its_offer_names_it(store: Store) -> None:
    """Regression: a final slash made no difference (OpenID4VCI 1.0, section 12.2.4)."""
    slashed = replace(OFFER, issuer="https://issuer.example/")
    for offer, other in ((OFFER, slashed.issuer), (slashed, OFFER.issuer)):
        assert begin(store, offer, issuer=offer.issuer).issuer == offer.issuer
        with pytest.raises(Refused) as caught:
            begin(store, offer, issuer=other)
        assert caught.value.code == "wrong_issuer"


def test_an_issuer_without_tls_must_be_named(store: Store) -> None:
    offer = replace(OFFER, issuer="http://10.0.0.7:8080")
    with pytest.raises(Refused) as caught:
        begin(store, offer)
    assert caught.value.code == "insecure_issuer"
    assert begin(store, offer, issuer="http://10.0.0.7:8080").issuer == offer.issuer


def test_an_offer_of_nothing_for_devices_is_refused(store: Store) -> None:
    with pytest.raises(Invalid) as caught:
        begin(store, replace(OFFER, configurations=("eu.europa.ec.eudi.pid.1",)))
    assert caught.value.code == "nothing_on_offer"


def test_the_same_claim_again_changes_nothing(store: Store, issuer: ScriptedIssuer) -> None:
    done = _finish(store, begin(store, issuer.offer()))
    assert begin(store, issuer.offer(), tx_code="1234") == done
    assert store.progress() == done


def test_another_claim_begins_anew(store: Store, issuer: ScriptedIssuer) -> None:
    _finish(store, begin(store, issuer.offer()))
    first = store.credential("provisioning")
    other = begin(store, issuer.offer(code="another"))
    assert not other.complete
    assert store.credential("provisioning") == first  # until there is another
    issuer.granted.clear()
    assert _finish(store, other.model_copy(update={"code": "a-code"})).complete
    assert store.credential("provisioning") != first
