from devices.report import as_text


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
