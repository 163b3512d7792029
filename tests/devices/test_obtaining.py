"""Waiting for approval, and telling the issuer what became of its credentials."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from actors import DEVICE, ISSUER, LOG_ID, STRANGER
from scripted_issuer import KnownLog, ScriptedIssuer, credential, refusal
from starlette.responses import JSONResponse, Response

from devices.enrolment import Enrolment, begin
from devices.obtaining import Patience
from devices.progress import Progress
from devices.store import Store
from did.configurations import CONFIGURATIONS
from did.errors import Invalid, KeybornError, Refused, Undecided
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.vc.securing import Format
from keyborn import clock
from keyborn.client import connect

NOTE = f"note-{PROVISIONING_CONFIGURATION}"
ACCEPTED = [(NOTE, "credential_accepted", None)]


class Time:
    """A clock that only sleeping moves; what is to happen while it sleeps can be arranged."""

    def __init__(self) -> None:
        self.moment = clock.now()
        self.slept: list[float] = []
        self.meanwhile: dict[int, Any] = {}

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds))
        self.moment += timedelta(seconds=seconds)
        self.meanwhile.get(len(self.slept), lambda: None)()


@pytest.fixture
def time() -> Time:
    return Time()


def finish(
    store: Store, time: Time, progress: Progress | None = None, *, seconds: float = 60
) -> Progress:
    progress = progress or store.progress()
    assert progress is not None
    enrolment = Enrolment(
        store,
        did=DEVICE.did,
        signer=DEVICE.key,
        log_id=LOG_ID,
        resolver=KnownLog(ISSUER),
        clock=time.now,
        patience=Patience(seconds, sleep=time.sleep),
    )
    with connect(progress.issuer) as http:
        return enrolment.finish(progress, http)


def begun(store: Store, issuer: ScriptedIssuer) -> Progress:
    return begin(store, issuer.offer(PROVISIONING_CONFIGURATION))


def grant(issuer: ScriptedIssuer) -> Any:
    return lambda: setattr(issuer, "deferring", False)


def test_it_asks_by_the_identifiers_that_the_token_came_with(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.identified = True
    offer = issuer.offer(PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)
    progress = finish(store, time, begin(store, offer))
    assert progress.settled
    assert (progress.token, progress.identifiers) == (None, None)


def test_it_waits_as_long_as_it_is_told(store: Store, issuer: ScriptedIssuer, time: Time) -> None:
    issuer.deferring, issuer.interval = True, 7
    time.meanwhile[3] = grant(issuer)
    told: list[str] = []
    progress = begun(store, issuer)
    enrolment = Enrolment(
        store,
        did=DEVICE.did,
        signer=DEVICE.key,
        log_id=LOG_ID,
        resolver=KnownLog(ISSUER),
        clock=time.now,
        patience=Patience(60, told.append, time.sleep),
    )
    with connect(progress.issuer) as http:
        progress = enrolment.finish(progress, http)
    assert progress.settled
    assert progress.awaited == ()
    assert time.slept == [7, 7, 7]
    assert len(issuer.requests["/credential"]) == len(told) == 1
    assert len(issuer.requests["/deferred_credential"]) == 3
    assert issuer.heard == ACCEPTED


def test_patience_ends_and_the_enrolment_goes_on_later(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.deferring, issuer.interval = True, 30
    with pytest.raises(Undecided) as caught:
        finish(store, time, begun(store, issuer), seconds=70)
    assert (caught.value.code, caught.value.retry_after) == ("approval_pending", 31)
    assert time.slept == [30, 30]
    kept = store.progress()
    assert kept is not None
    awaited = kept.awaiting(PROVISIONING_CONFIGURATION)
    assert awaited is not None
    assert awaited.transaction not in repr(kept)
    with pytest.raises(Undecided):  # too early: the issuer is not even asked
        finish(store, time, seconds=20)
    assert len(issuer.requests["/deferred_credential"]) == 2
    issuer.deferring = False
    assert finish(store, time, seconds=30).settled
    assert time.slept == [30, 30, 30]
    assert len(issuer.requests["/credential"]) == 1


def test_without_patience_it_asks_and_does_not_wait(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.deferring = True
    with pytest.raises(Undecided):
        finish(store, time, begun(store, issuer), seconds=0)
    assert time.slept == []
    time.moment += timedelta(seconds=issuer.interval)
    issuer.deferring = False
    assert finish(store, time, seconds=0).settled


def test_a_transaction_that_is_over_is_asked_for_anew(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    """The answer that had the credential may be the one that got lost."""
    issuer.deferring = True

    def over() -> None:
        issuer.deferring = False
        issuer.transactions.clear()

    time.meanwhile[1] = over
    assert finish(store, time, begun(store, issuer)).settled
    assert len(issuer.requests["/credential"]) == 2
    assert len(issuer.requests["/deferred_credential"]) == 1


def test_an_issuer_that_knows_no_transaction_ever_is_not_asked_for_ever(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    gone = refusal("invalid_transaction_id", "there is no such transaction")
    issuer.answers["/credential"] = [gone] * 3
    with pytest.raises(KeybornError) as caught:
        finish(store, time, begun(store, issuer))
    assert caught.value.code == "invalid_transaction_id"
    assert len(issuer.requests["/credential"]) == 1
    issuer.answers["/credential"] = []
    issuer.deferring = True
    issuer.answers["/deferred_credential"] = [gone] * 50
    with pytest.raises(KeybornError) as caught:
        finish(store, time)
    assert caught.value.code == "invalid_transaction_id"
    assert len(issuer.requests["/deferred_credential"]) == 2


def test_who_is_denied_does_not_come_back(store: Store, issuer: ScriptedIssuer, time: Time) -> None:
    issuer.deferring = True
    no = "the operator denied the claim to the device [claim_denied]; ask for a new claim"
    issuer.answers["/deferred_credential"] = [refusal("credential_request_denied", no)]
    with pytest.raises(KeybornError) as caught:
        finish(store, time, begun(store, issuer))
    assert caught.value.code == "claim_denied"
    kept = store.progress()
    assert kept is not None
    assert kept.awaited == ()


def test_the_token_may_end_while_it_waits(store: Store, issuer: ScriptedIssuer, time: Time) -> None:
    issuer.deferring, issuer.lifetime = True, 8
    time.meanwhile[3] = grant(issuer)
    assert finish(store, time, begun(store, issuer)).settled
    assert len(issuer.requests["/token"]) == 2


def test_both_credentials_can_be_waited_for(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.deferring = True
    time.meanwhile[1] = grant(issuer)
    assert finish(store, time, begin(store, issuer.offer())).settled
    assert [each[0] for each in issuer.heard] == [NOTE, f"note-{CONFIGURATION_CONFIGURATION}"]


def test_a_notification_that_fails_loses_nothing(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.answers["/notification"] = [JSONResponse({}, 503)]
    progress = finish(store, time, begun(store, issuer))
    assert progress.complete
    assert not progress.settled
    assert progress.code is None
    assert progress.token is not None
    assert finish(store, time).settled
    assert issuer.heard == ACCEPTED
    kept = store.progress()
    assert kept is not None
    assert kept.token is None
    assert len(issuer.requests["/credential"]) == 1


def test_what_could_not_be_said_is_said_with_the_next_credential(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.answers["/notification"] = [JSONResponse({}, 503)]
    assert finish(store, time, begin(store, issuer.offer())).settled
    assert [each[0] for each in issuer.heard] == [NOTE, f"note-{CONFIGURATION_CONFIGURATION}"]


@pytest.mark.parametrize("after", [0, 601])
def test_an_issuer_that_is_gone_leaves_the_enrolment_complete(
    store: Store, issuer: ScriptedIssuer, time: Time, after: int
) -> None:
    issuer.answers["/notification"] = [JSONResponse({}, 503)] * 2
    finish(store, time, begun(store, issuer))
    time.moment += timedelta(seconds=after)
    name = "/.well-known/oauth-authorization-server"
    issuer.answers[name] = [Response(b"gone", 404)]
    progress = finish(store, time)
    assert progress.complete
    assert progress.settled is (after > 0)  # with no token there is nobody to tell
    assert len(issuer.requests["/notification"]) == 1


def test_an_issuer_that_does_not_want_to_hear_is_not_told_again(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.answers["/notification"] = [refusal("invalid_notification_id", "what?")]
    assert finish(store, time, begun(store, issuer)).settled


def test_an_issuer_without_a_notification_endpoint_is_told_nothing(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    honest = issuer._issuer(None, b"")  # type: ignore[arg-type] # not looked at
    told = json.loads(bytes(honest.body))
    del told["notification_endpoint"]
    issuer.answers["/.well-known/openid-credential-issuer"] = [JSONResponse(told)]
    assert finish(store, time, begun(store, issuer)).settled
    assert issuer.requests["/notification"] == []


def test_what_is_refused_is_said_to_be_a_failure(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.granted[PROVISIONING_CONFIGURATION] = credential(STRANGER.did)
    with pytest.raises(Refused):
        finish(store, time, begun(store, issuer))
    assert issuer.heard == [(NOTE, "credential_failure", "[holder_not_subject]")]
    issuer.answers["/notification"] = [JSONResponse({}, 503)]
    with pytest.raises(Refused) as caught:
        finish(store, time)
    assert caught.value.code == "holder_not_subject"
    issuer.granted.clear()
    assert finish(store, time).settled


@pytest.mark.parametrize(
    ("configuration", "sent"),
    [
        ("device-provisioning", "a.b.c"),
        ("device-provisioning-vc-jwt", {"type": "x"}),
        ("device-provisioning-vc-cose", "not base64url!"),
        ("device-provisioning-vc-jwt", "é.b.c"),
    ],
)
def test_an_answer_that_is_not_of_the_format(
    store: Store, issuer: ScriptedIssuer, time: Time, configuration: str, sent: object
) -> None:
    format_ = CONFIGURATIONS[configuration].format.value
    issuer.metadata["credential_configurations_supported"] = {configuration: {"format": format_}}
    issuer.metadata["credential_request_encryption"] = None
    answer = {"credentials": [{"credential": sent}]}
    issuer.answers["/credential"] = [JSONResponse(answer)]
    with pytest.raises(Invalid):
        finish(store, time, begin(store, issuer.offer(configuration)))
    assert store.credential("provisioning") is None
    assert issuer.heard == []  # there was no notification id


def test_another_format_than_before_begins_anew(store: Store, issuer: ScriptedIssuer) -> None:
    both = ("device-provisioning", "device-provisioning-vc-jwt")
    first = begin(store, issuer.offer(*both))
    assert begin(store, issuer.offer(*both), format_=Format.LDP_VC) == first
    other = begin(store, issuer.offer(*both), format_=Format.VC_JWT)
    assert other.configurations == ("device-provisioning-vc-jwt",)
    assert begin(store, issuer.offer(*both)) == other  # no format: on with what was begun


def test_an_issuer_that_takes_presentations_gets_one(
    store: Store, issuer: ScriptedIssuer, time: Time
) -> None:
    issuer.metadata["credential_configurations_supported"] = {
        PROVISIONING_CONFIGURATION: {"format": "ldp_vc", "proof_types_supported": {"di_vp": {}}}
    }
    assert finish(store, time, begun(store, issuer)).settled
    (sent,) = issuer.requests["/credential"]
    assert b'"di_vp"' in issuer.key.decrypt(sent.decode())
