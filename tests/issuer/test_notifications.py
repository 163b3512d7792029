"""The notification endpoint (OpenID4VCI 1.0, section 11)."""

import pytest
from actors import actor
from issuing import World
from oauth import error, refusal

from issuer.notifications import received


def test_what_becomes_of_a_credential_is_kept_and_shown(world: World) -> None:
    claim, holder = world.claim(), actor("notifies")
    token = world.token(claim)
    id_ = world.ask_for(token, holder).json()["notification_id"]
    answer = world.notify(token, id_, "credential_failure", event_description="no room", more=1)
    assert answer.status_code == 204
    assert answer.content == b""
    assert world.notify(token, id_, "credential_accepted").status_code == 204
    shown = world.admin.get(f"/claims/{claim.id}").json()["notifications"]
    assert [(each["event"], each["description"]) for each in shown] == [
        ("credential_failure", "no room"),
        ("credential_accepted", None),
    ]
    assert shown[0]["dids"] == [holder.short.text]
    assert shown[0]["configuration"] == "device-provisioning"


def test_to_say_it_again_changes_nothing(standing: World) -> None:
    claim, holder = standing.claim(), actor("notifies twice")
    token = standing.token(claim)
    id_ = standing.ask_for(token, holder).json()["notification_id"]
    assert standing.notify(token, id_, "credential_deleted").status_code == 204
    before = received(standing.issuer.engine, claim.id)
    standing.clock.advance(1)
    again = standing.notify(token, id_, "credential_deleted", event_description="other words")
    assert again.status_code == 204
    assert received(standing.issuer.engine, claim.id) == before


def test_an_answer_that_is_given_again_has_the_same_id(standing: World) -> None:
    token, holder = standing.token(standing.claim()), actor("asks again")
    ids = [standing.ask_for(token, holder).json()["notification_id"] for _ in range(2)]
    assert ids[0] == ids[1]
    other = standing.ask_for(token, holder, configuration="device-provisioning-vc-jwt").json()
    assert other["notification_id"] != ids[0]


@pytest.mark.parametrize(
    "change",
    [
        {"notification_id": None},
        {"notification_id": 7},
        {"event": None},
        {"event": "credential_lost"},
        {"event": "Credential_Accepted"},
        {"event": ["credential_accepted"]},
        {"event_description": 'said "no"'},
        {"event_description": "back\\slash"},
        {"event_description": "schön"},
        {"event_description": "line\nbreak"},
        {"event_description": 7},
        {"event_description": "x" * 1_025},
    ],
)
def test_malformed_notifications(standing: World, change: dict[str, object]) -> None:
    token, holder = standing.token(standing.claim()), actor("notifies wrongly")
    id_ = standing.ask_for(token, holder).json()["notification_id"]
    right: dict[str, object] = {"notification_id": id_, "event": "credential_accepted"}
    wrong = standing.post("/notification", token, {**right, **change})
    assert error(wrong) == "invalid_notification_request"
    assert standing.post("/notification", token, right).status_code == 204


def test_bodies_that_are_no_notification(standing: World) -> None:
    token = standing.token(standing.claim())
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    for body in (b"", b"[]", b'{"event":"credential_accepted","event":"x"}', b"\xff"):
        answer = standing.http.post("/notification", content=body, headers=headers)
        assert error(answer) == "invalid_notification_request"
    form = standing.http.post(
        "/notification", data={"event": "x"}, headers={"authorization": f"Bearer {token}"}
    )
    assert error(form) == "invalid_notification_request"


@pytest.mark.parametrize("id_", ["", "x", "x" * 100_000])
def test_ids_that_were_not_given_out(standing: World, id_: str) -> None:
    token = standing.token(standing.claim())
    answer = standing.notify(token, id_, "credential_accepted")
    assert refusal(answer) == ("invalid_notification_id", "unknown_notification")
