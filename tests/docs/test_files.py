"""The reference's examples of files are read by what reads the files, field for field."""

import re
import tomllib
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from pages import DOCS, fence, fences

from did.errors import Invalid
from ledger.network import Network, load_network, parse_network
from verifier.trust_file import parse_trust_root
from verifier.trust_root import Policy

NETWORK = (DOCS / "reference" / "network-file.md").read_text()
TRUST = (DOCS / "reference" / "trust-root.md").read_text()


def named(markdown: str, heading: str) -> set[str]:
    """The fields in the table below a heading."""
    (section,) = re.findall(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "number"), [("An embedded ledger", 0), ("A log on Ethereum", 1)]
)
def test_the_network_file(heading: str, number: int, tmp_path: Path) -> None:
    text = fences(NETWORK)[number].text
    path = tmp_path / "network.toml"
    path.write_text(text)
    network: Network = load_network(path)
    table = tomllib.loads(text)["log"]
    assert network.to_table() == table
    assert named(NETWORK, heading) == table.keys() - {"type"}
    for name in table.keys() - {"first_block", "quorum"}:
        with pytest.raises(Invalid):
            parse_network({key: value for key, value in table.items() if key != name})
    with pytest.raises(Invalid):
        parse_network({**table, "more": 1})


def test_a_mirror_in_the_network_file() -> None:
    mirror = tomllib.loads(fence(NETWORK, "mirror"))
    assert named(NETWORK, "A mirror") == mirror.keys()
    for number in (0, 1):
        table = {**tomllib.loads(fences(NETWORK)[number].text)["log"], **mirror}
        assert parse_network(table).to_table() == table


def test_announcements_in_the_network_file() -> None:
    announced = tomllib.loads(fence(NETWORK, "announcements"))
    assert named(NETWORK, "Announcements") == announced.keys()
    embedded, ethereum = (tomllib.loads(fences(NETWORK)[n].text)["log"] for n in (0, 1))
    assert parse_network({**ethereum, **announced}).to_table() == {**ethereum, **announced}
    with pytest.raises(Invalid):
        parse_network({**embedded, **announced})


def test_the_trust_root() -> None:
    (example,) = fences(TRUST)
    root = parse_trust_root(example.text)
    tables = tomllib.loads(example.text)
    (issuer,) = root.issuers
    assert named(TRUST, "`[[issuers]]`") == tables["issuers"][0].keys() == issuer.to_table().keys()
    assert named(TRUST, "`[policy]`") == tables["policy"].keys() == set(root.policy.to_table())
    assert len(tables["policy"]) == len(fields(Policy))
    assert root.network.to_table() == tables["log"]


def test_the_defaults_of_the_policy() -> None:
    stated = dict(re.findall(r"^\| `(\w+)` \| `?(\w+)`? \|", TRUST, re.MULTILINE))
    default = Policy().to_table()
    assert {name: str(value) for name, value in default.items()} == {
        name: value for name, value in stated.items() if value not in ("any", "none")
    }
    assert Policy().models == Policy().roles == ()
    assert Policy().clock_skew == timedelta(seconds=int(stated["clock_skew"]))


@pytest.mark.parametrize("optional", ["from", "until", "compromised_keys"])
def test_what_is_optional_can_be_left_out(optional: str) -> None:
    (example,) = fences(TRUST)
    shorter = re.sub(rf"^{optional} = .*\n", "", example.text, flags=re.MULTILINE)
    assert shorter != example.text
    parse_trust_root(shorter)


def test_the_policy_can_be_left_out() -> None:
    (example,) = fences(TRUST)
    assert parse_trust_root(example.text.partition("[policy]")[0]).policy == Policy()
