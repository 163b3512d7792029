"""What the method's specification states is what the code does."""

import re
from datetime import UTC, datetime

import pytest
from actors import DEVICE
from curve import ORDER
from keyborn_vectors import FOLDER
from pages import ANY, DOCS, fences, unfenced

from did.document import document
from did.identifier import ID_BYTES, KeybornDid
from did.limits import LIMITS
from did.resolution import Finality, Registration, Resolution, Version
from ledger.chain import _LAST_SECOND
from ledger.ethereum.contract import SLOT_HEAD, SLOT_SEQUENCE
from ledger.resolving import errors

PAGE = (DOCS / "did-method.md").read_text()
WORDS = " ".join(unfenced(PAGE).split())


def section(number: str) -> str:
    (found,) = re.findall(
        rf"^#+ {re.escape(number)}\.? .*?\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    return str(found)


def table(text: str) -> list[str]:
    """The names in the first column of a table."""
    return re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)))


def test_the_grammar_is_that_of_the_parser() -> None:
    (grammar,) = [block.text for block in fences(PAGE) if block.language == "abnf"]
    shortest, longest = re.findall(r"= (\d+)\*(\d+)base58char", grammar)
    assert len(KeybornDid(bytes(ID_BYTES)).text.split(":")[2]) == int(shortest[0])
    assert len(KeybornDid(b"\xff" * ID_BYTES).text.split(":")[2]) == int(shortest[1])
    assert len(DEVICE.did.text.split(":")[3]) <= int(longest[1]) == 88
    characters = "".join(
        chr(code)
        for first, last in re.findall(r"%x([0-9A-F]{2})-([0-9A-F]{2})", grammar)
        for code in range(int(first, 16), int(last, 16) + 1)
    )
    assert characters == "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"at most {LIMITS.batch:,} bytes" in section("3.1")
    assert f"({_LAST_SECOND:,})" in section("3")
    assert f"L = 2^252 + {ORDER - 2**252} " in section("3.4")
    assert f"slot {SLOT_HEAD} is the head, slot {SLOT_SEQUENCE} the sequence" in section("3.5")
    assert f"a DID {LIMITS.did} characters" in WORDS


def test_the_document_is_the_one_that_is_made() -> None:
    (shown,) = [block.text for block in fences(section("4.1"))]
    made = document(DEVICE.short, DEVICE.key.public_key())
    names = re.findall(r'^  "([^"]+)":', shown, re.MULTILINE)
    assert names == list(made)
    multibase = DEVICE.key.public_key().multibase
    for value in made.values():
        for text in re.findall(r"'([^']+)'", str(value)):
            short = text.replace(DEVICE.short.text, f"did:keyborn:{ANY}")
            assert f'"{short.replace(multibase, f"z6Mk{ANY}")}"' in shown, text


def test_the_metadata_are_those_that_are_given() -> None:
    versions = [
        Version(number, bytes(32), key, number, number + 1, Finality.LATEST)
        for number, key in enumerate(
            (DEVICE.key.public_key().raw, DEVICE.key.public_key().raw, None)
        )
    ]
    given: set[str] = set()
    for selected in range(3):
        resolution = Resolution(
            DEVICE.short,
            Registration.YES,
            tuple(versions),
            bytes(32),
            datetime.fromtimestamp(9, UTC),
            selected,
        )
        given |= set(resolution.metadata())
    stated = [name for name in table(section("4.2")) if not name.isupper() and "_" not in name]
    assert sorted(stated) == sorted(given)


def test_the_errors_are_those_of_the_binding() -> None:
    stated = {name for name in table(section("4.2")) if name.isupper()}
    named = {name for name, _ in [*errors.ERRORS.values(), errors.UNDECIDED]}
    of_other_methods = {
        "INVALID_PUBLIC_KEY_TYPE",
        "INVALID_PUBLIC_KEY_LENGTH",
        "UNSUPPORTED_PUBLIC_KEY_TYPE",
        "INVALID_DID_DOCUMENT",
    }
    assert stated == named - of_other_methods


def test_no_item_of_the_lists_of_did_core_is_left_out() -> None:
    """DID Core 1.0: sections 9 and 10; the attacks of 8.3; and RFC 6973, section 5, by 8.4."""
    for chapter, items, place in ((9, 17, "5.4"), (10, 6, "6.1")):
        assert re.findall(r"\((\d+\.\d+)\)", section(place)) == [
            f"{chapter}.{number}" for number in range(1, items + 1)
        ]
    attacks = "Eavesdropping Replay Insertion deletion modification Denial Amplification Man in the"
    assert all(word in section("5.1") for word in attacks.split())
    for threat in (
        *("Surveillance", "Stored data compromise", "Unsolicited traffic", "Misattribution"),
        *("Correlation", "identification", "Secondary use", "disclosure", "Exclusion"),
    ):
        assert f"**{threat}**" in section("6.2"), threat


REQUIRED = {
    "8.1: one method name": ("", "The method's name is `keyborn`."),
    "8.1: how an id is made": ("2", "id         = SHA-256(genesis)"),
    "8.1: case and normalisation": ("1", "A DID is case-sensitive."),
    "8.1: uniqueness": ("1", "It is unique as SHA-256 is free of collisions"),
    "8.2: authorization of create": ("4", "| create | anybody who knows the genesis |"),
    "8.2: authorization of update": ("4", "| update | who holds the key that is committed to |"),
    "8.2: authorization of deactivate": ("4", "| deactivate | the same |"),
    "8.2: create": ("4", "* **Create**: section 2 makes the DID"),
    "8.2: resolve, and verify what was read": ("4", "recomputes the head, compares"),
    "8.2: update": ("4", "* **Update**: rotation of the key"),
    "8.2: deactivate": ("4", "* **Deactivate**: section 3.3"),
    "8.3: residual risks": ("5.3", "* **An implementation that departs**"),
    "8.3: a cipher that breaks": ("5.3", "* **Quantum computers**"),
    "8.3: integrity and authentication of each operation": ("5.2", "| update, deactivate |"),
    "8.3: uniqueness": ("5.2", "**Uniqueness** is section 1"),
    "8.3: endpoints": ("5.2", "**Endpoint authentication.**"),
    "8.3: light nodes": ("5.2", "**Thin clients**"),
    "8.3: what cryptography protects, and how it fails": ("5.2", "A collision of SHA-256 would"),
    "8.3: secrets": ("2", "**Secret** are the two seeds"),
    "8.3: signatures on documents": ("4.1", "Documents are not signed"),
    "8.3: other known attacks": ("5.1", "* **Front-running and censorship.**"),
}


@pytest.mark.parametrize("what", REQUIRED)
def test_what_did_core_requires_of_a_method_is_stated(what: str) -> None:
    """DID Core 1.0, sections 8.1 to 8.3: each in the section where it belongs."""
    number, statement = REQUIRED[what]
    assert statement in (section(number) if number else PAGE)


def test_every_file_of_vectors_is_listed() -> None:
    assert table(section("7")) == [f"{name}.json" for name in _order()]
    assert {path.stem for path in FOLDER.glob("*.json")} == set(_order())


def _order() -> list[str]:
    return ["births", "batches", "operations", "heads", "logs"]
