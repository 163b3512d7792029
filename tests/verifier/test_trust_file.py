"""Trust roots as people write them: what is taken, and what is refused, with the field's name."""

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from actors import DEVICE, ISSUER
from trust_roots import KEY, LOG_ID, STATUS, WHOLE

from did.errors import Invalid
from did.resolution import Finality
from did.vc.credential import PROVISIONING
from verifier.trust_file import MAX_BYTES, load_trust_root, parse_trust_root
from verifier.trust_root import Policy, TrustedIssuer, TrustRoot


def test_each_field_is_read() -> None:
    root = parse_trust_root(WHOLE)

    assert root.log_id.hex() == LOG_ID
    assert root.issuers == (
        TrustedIssuer(
            ISSUER.short,
            (PROVISIONING, "MaintenanceCredential"),
            (STATUS, "http://127.0.0.1:8000/"),
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2027, 1, 1, tzinfo=UTC),
            (KEY,),
            (DEVICE.key_did,),
        ),
        TrustedIssuer(DEVICE.key_did, ("X",), ()),
    )
    assert root.policy == Policy(
        Finality.SAFE,
        timedelta(seconds=10),
        timedelta(0),
        timedelta(seconds=5),
        ("meter",),
        ("sensor", "door"),
        ("to be replaced",),
    )


def test_the_policy_may_be_left_to_its_defaults() -> None:
    assert parse_trust_root(WHOLE[: WHOLE.index("[policy]")]).policy == Policy()
    partly = parse_trust_root(WHOLE[: WHOLE.index("finality")] + "clock_skew = 7")
    assert partly.policy == Policy(clock_skew=timedelta(seconds=7))


def test_the_digest_names_what_it_says() -> None:
    root = parse_trust_root(WHOLE)

    assert root.digest == parse_trust_root(WHOLE + "\n# a remark\n").digest
    assert re.fullmatch("[0-9a-f]{64}", root.digest)
    assert root.digest != replace(root, issuers=root.issuers[:1]).digest
    assert root.digest != replace(root, policy=Policy()).digest


def _changed(**changes: Any) -> str:
    """The whole file with changes to ``issuer__x``, ``policy__x``; None takes a field out."""
    document = tomllib.loads(WHOLE)
    places = {"issuer": document["issuers"][0], "policy": document["policy"], "root": document}
    for name, value in changes.items():
        place, _, field = name.partition("__")
        if value is None:
            del places[place][field]
        else:
            places[place][field] = value
    return tomli_w.dumps(document)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no log": ({"root__log": None}, "log is missing"),
    "a log that is no table": ({"root__log": "x"}, "log is not a table"),
    "a log of no kind": ({"root__log": {"type": "paper"}}, "log is wrong: .*"),
    "no issuers": ({"root__issuers": None}, "issuers is missing"),
    "an empty list of issuers": ({"root__issuers": []}, "issuers is not a list of at least one.*"),
    "issuers that are no list": ({"root__issuers": {"did": "x"}}, "issuers is not a list.*"),
    "an issuer that is no table": ({"root__issuers": ["x"]}, r"issuers\[0\] is not a table"),
    "an unknown table": ({"root__issuer": {}}, "issuer is not known here"),
    "an issuer's unknown field": ({"issuer__type": "x"}, r"issuers\[0\].type is not known here"),
    "an unknown field of an odd name": (
        {"issuer__a b": 1},
        r"issuers\[0\].'a b' is not known here",
    ),
    "an unknown policy": ({"policy__max_age": 1}, "policy.max_age is not known here"),
    "a policy that is no table": ({"root__policy": 1}, "policy is not a table"),
    "no DID": ({"issuer__did": None}, r"issuers\[0\].did is missing"),
    "an empty DID": ({"issuer__did": ""}, r"issuers\[0\].did is not a string, or an empty one"),
    "a DID that is none": ({"issuer__did": "did:web:X"}, r"issuers\[0\].did is wrong: .*"),
    "a long DID": ({"issuer__did": ISSUER.did.text}, r"issuers\[0\].did is in its long form"),
    "no types": ({"issuer__types": None}, r"issuers\[0\].types is missing"),
    "an empty list of types": ({"issuer__types": []}, r"issuers\[0\].types is an empty list"),
    "types that are no list": ({"issuer__types": "X"}, r".*types is not a list of strings"),
    "an empty type": ({"issuer__types": [""]}, r".*types is not a list of strings"),
    "a type twice": ({"issuer__types": ["X", "X"]}, r".*types names something twice"),
    "the configuration credential": (
        {"issuer__types": ["DeviceConfigurationCredential"]},
        ".*types names DeviceConfigurationCredential, which is never presented",
    ),
    "no word on status": ({"issuer__status": None}, r"issuers\[0\].status is missing"),
    "a time without an offset": (
        {"issuer__from": datetime(2026, 1, 1)},  # noqa: DTZ001 - the case
        r".*from is not a time with its offset",
    ),
    "a time as text": ({"issuer__from": "2026-01-01T00:00:00Z"}, r".*from is not a time.*"),
    "an end before the beginning": (
        {"issuer__until": datetime(2026, 1, 1, tzinfo=UTC)},
        r".*until is not after from",
    ),
    "a list's issuer that is none": (
        {"issuer__status_issuers": ["did:example:1"]},
        r".*status_issuers is wrong.*",
    ),
    "a list's issuer in its long form": (
        {"issuer__status_issuers": [DEVICE.did.text]},
        r".*status_issuers is in its long form.*",
    ),
    "a key that is none": ({"issuer__compromised_keys": ["z6Mk"]}, r".*compromised_keys holds.*"),
    "a finality that is none": ({"policy__finality": "soon"}, "policy.finality is none of .*"),
    "an age below zero": ({"policy__max_ledger_age": -1}, "policy.max_ledger_age is not a whole.*"),
    "an age that is true": ({"policy__max_status_age": True}, ".*max_status_age is not a whole.*"),
    "an age of a year": ({"policy__max_ledger_age": 31_536_000}, ".*max_ledger_age is not a.*"),
    "too much skew": ({"policy__clock_skew": 601}, "policy.clock_skew is not a whole number.*"),
    "no models at all": ({"policy__models": []}, "policy.models is an empty list"),
    "no roles at all": ({"policy__roles": []}, "policy.roles is an empty list"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_a_trust_root_must_not_say(name: str) -> None:
    changes, message = BAD[name]

    with pytest.raises(Invalid) as caught:
        parse_trust_root(_changed(**changes))

    assert caught.value.code == "invalid_trust_root"
    assert re.fullmatch(f"trust root: {message}", caught.value.message), caught.value.message
    parse_trust_root(_changed())


@pytest.mark.parametrize(
    "prefix",
    [
        "https://issuer.example",
        "https://issuer.example/v1/status",
        "https://issuer.example/v1/../",
        "https://issuer.example//",
        "https://issuer.example/%2e/",
        "https://user@issuer.example/",
        "https://issuer.example/?x=/",
        "https://issuer.example/#/",
        "https://issuer.example:99999/",
        "https://issuer.example:x/",
        "https://Issuer.example/",
        "https://[::1/",
        "https:///status/",
        "ftp://issuer.example/",
        "issuer.example/",
    ],
)
def test_status_prefixes_that_are_not_plain(prefix: str) -> None:
    with pytest.raises(Invalid, match="status holds"):
        parse_trust_root(_changed(issuer__status=[prefix]))

    for plain in (STATUS, "http://[::1]:80/", "https://issuer.example/"):
        parse_trust_root(_changed(issuer__status=[plain]))


def test_an_issuer_twice() -> None:
    document = tomllib.loads(WHOLE)
    document["issuers"].append(document["issuers"][0])

    with pytest.raises(Invalid, match="issuers names an issuer twice"):
        parse_trust_root(tomli_w.dumps(document))
    root = parse_trust_root(WHOLE)
    with pytest.raises(Invalid, match="names an issuer twice"):
        TrustRoot(root.network, root.issuers * 2)
    with pytest.raises(Invalid, match="names no issuers"):
        TrustRoot(root.network, ())


def test_a_mistake_in_the_syntax_is_named_with_its_line() -> None:
    with pytest.raises(Invalid, match="line 2"):
        parse_trust_root("[log]\ntype = embedded\n")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Invalid, match="not UTF-8"):
        load_trust_root(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(Invalid, match="more than"):
        load_trust_root(path)
    path.write_text(WHOLE)
    assert load_trust_root(path) == parse_trust_root(WHOLE)
