"""The reference of credentials describes each term of ours."""

import re
from dataclasses import replace

import pytest
from actors import DEVICE, LOG_ID
from issuing import TERMS
from pages import DOCS

from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.vc.credential import CONFIGURATION, PROVISIONING
from issuer.credentials import subject_of

PAGE = (DOCS / "reference/credentials.md").read_text()


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (PROVISIONING, PROVISIONING_CONFIGURATION),
        (CONFIGURATION, CONFIGURATION_CONFIGURATION),
    ],
)
def test_the_terms_of_each_type_are_those_that_are_described(type_: str, kind: str) -> None:
    terms = replace(TERMS, configuration={"endpoint": "https://hub.example"})
    (text,) = re.findall(rf"^## `{type_}`\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    described = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(described) == sorted(subject_of(kind, DEVICE.short, LOG_ID, terms))
