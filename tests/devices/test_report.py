from devices.report import without_steps
from keyborn.output import as_text


def test_text_for_people_is_aligned_and_leaves_nothing_out() -> None:
    value = {
        "did": "did:keyborn:x",
        "network": {"logId": "00", "url": "https://ledger.example"},
        "enrolment": None,
        "roles": ["sensor", "gateway"],
        "registered": True,
        "deactivated": False,
        "credentials": [{"name": "provisioning"}, {"name": "configuration"}],
        "empty": {},
        "count": 7,
    }
    assert as_text(value).splitlines() == [
        "did          did:keyborn:x",
        "network",
        "  logId  00",
        "  url    https://ledger.example",
        "enrolment    -",
        "roles        sensor, gateway",
        "registered   yes",
        "deactivated  no",
        "credentials",
        "  name  provisioning",
        "credentials",
        "  name  configuration",
        "empty        -",
        "count        7",
    ]


def test_people_are_spared_the_steps_of_a_decision_but_nothing_else() -> None:
    decision = {"outcome": "accepted", "steps": [{"step": "1 format"}]}
    decided = {"device": {"did": "did:keyborn:x"}, "decision": decision, "more": 1}
    assert without_steps(decided) == {**decided, "decision": {"outcome": "accepted"}}
    assert without_steps({"device": {}, "decision": "yes"}) == {"device": {}, "decision": "yes"}
