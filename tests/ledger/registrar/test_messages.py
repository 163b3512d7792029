"""Operations and statuses as JSON, and what is none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from actors import DEVICE, LOG_ID, NOW
from registrar_support import create, rotation

from did.errors import Invalid
from did.identifier import KeybornDid
from did.multibase import base64url_encode, multibase_encode
from did.resolution import Finality
from ledger.log import Receipt
from ledger.operations import Operation
from ledger.registrar.messages import (
    OperationStatus,
    OperationType,
    State,
    operation_from_json,
    operation_to_json,
    parse_hash,
)

if TYPE_CHECKING:
    from did.jcs import JsonObject

CREATE = create(DEVICE)
ROTATE = rotation(DEVICE, LOG_ID, to=DEVICE.key.public_key())
DEACTIVATE = rotation(DEVICE, LOG_ID)
RECEIPT = Receipt(7, 8, int(NOW.timestamp()), "0x" + "ab" * 32, 36_443)
STATUS = OperationStatus(
    DEVICE.did.id, OperationType.CREATE, DEVICE.short, State.ON_LOG, NOW, RECEIPT, Finality.SAFE
)

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("operation", [CREATE, ROTATE, DEACTIVATE])
def test_an_operation_travels(operation: Operation) -> None:
    assert operation_from_json(operation_to_json(operation)) == operation


def test_the_forms_that_are_documented() -> None:
    assert operation_to_json(CREATE) == {
        "type": "create",
        "genesis": multibase_encode(CREATE.genesis.to_bytes()),
    }
    assert operation_to_json(DEACTIVATE) == {
        "type": "update",
        "did": DEVICE.short.text,
        "reveal": DEVICE.next_key.public_key().multibase,
        "next": None,
        "signature": multibase_encode(DEACTIVATE.signature),
    }


def test_the_long_form_names_the_same_did() -> None:
    value: JsonObject = {**operation_to_json(ROTATE), "did": DEVICE.did.text}
    assert operation_from_json(value) == ROTATE


BAD_OPERATIONS: dict[str, tuple[Operation, Change]] = {
    "no type": (CREATE, lambda o: o.pop("type")),
    "another type": (CREATE, lambda o: o.update(type="delete")),
    "the type of the other": (CREATE, lambda o: o.update(type=OperationType.UPDATE)),
    "a missing field": (ROTATE, lambda o: o.pop("next")),
    "a field too many": (CREATE, lambda o: o.update(did=DEVICE.short.text)),
    "a genesis that is no text": (CREATE, lambda o: o.update(genesis=1)),
    "a genesis too short": (CREATE, lambda o: o.update(genesis=multibase_encode(bytes(63)))),
    "a genesis in base64url": (
        CREATE,
        lambda o: o.update(genesis="u" + base64url_encode(bytes(64))),
    ),
    "trailing white space": (CREATE, lambda o: o.update(genesis=o["genesis"] + "\n")),
    "a megabyte of base58": (CREATE, lambda o: o.update(genesis="z" * 1_000_000)),
    "a did:key": (ROTATE, lambda o: o.update(did=DEVICE.key_did.text)),
    "a DID that is none": (ROTATE, lambda o: o.update(did="did:keyborn:")),
    "a DID that is no text": (ROTATE, lambda o: o.update(did=None)),
    "a reveal without its type": (ROTATE, lambda o: o.update(reveal=multibase_encode(bytes(32)))),
    "a next too long": (ROTATE, lambda o: o.update(next=multibase_encode(bytes(33)))),
    "a next that is empty": (ROTATE, lambda o: o.update(next="")),
    "a signature too short": (ROTATE, lambda o: o.update(signature=multibase_encode(bytes(63)))),
}


@pytest.mark.parametrize("case", BAD_OPERATIONS)
def test_what_is_no_operation(case: str) -> None:
    operation, change = BAD_OPERATIONS[case]
    value: dict[str, Any] = dict(operation_to_json(operation))
    change(value)
    with pytest.raises(Invalid) as raised:
        operation_from_json(value)
    assert raised.value.code == "invalid_operation"


@pytest.mark.parametrize(
    "status",
    [
        STATUS,
        replace(STATUS, receipt=replace(RECEIPT, transaction=None, gas=None)),
        replace(STATUS, accepted=None, type=OperationType.UPDATE),
        OperationStatus(bytes(32), OperationType.UPDATE, KeybornDid(bytes(32)), State.QUEUED, NOW),
        OperationStatus(
            bytes(32), OperationType.UPDATE, KeybornDid(bytes(32)), State.VOID, datetime.now(UTC)
        ),
    ],
)
def test_a_status_travels(status: OperationStatus) -> None:
    assert OperationStatus.from_json(status.to_json()) == status


BAD_STATUSES: dict[str, Change] = {
    "no operation": lambda s: s.pop("operation"),
    "a short hash": lambda s: s.update(operation="00"),
    "a hash in capitals": lambda s: s.update(operation=s["operation"].upper()),
    "no DID": lambda s: s.update(did=None),
    "an unknown type": lambda s: s.update(type="delete"),
    "an unknown state": lambda s: s.update(state="done"),
    "a state that is no text": lambda s: s.update(state=1),
    "a time that is none": lambda s: s.update(accepted="yesterday"),
    "a receipt that is a list": lambda s: s.update(receipt=[]),
    "a receipt without finality": lambda s: s["receipt"].pop("finality"),
    "an unknown finality": lambda s: s["receipt"].update(finality="soon"),
    "a negative sequence": lambda s: s["receipt"].update(sequence=-1),
    "a sequence that is true": lambda s: s["receipt"].update(sequence=True),
    "a gas that is text": lambda s: s["receipt"].update(gas="36443"),
    "a transaction that is none": lambda s: s["receipt"].update(transaction="0x\x1b[2J"),
}


@pytest.mark.parametrize("case", BAD_STATUSES)
def test_a_registrar_that_says_nonsense_is_not_understood(case: str) -> None:
    value: dict[str, Any] = dict(STATUS.to_json())
    BAD_STATUSES[case](value)
    with pytest.raises(Invalid) as raised:
        OperationStatus.from_json(value)
    assert raised.value.code == "invalid_operation_status"


@pytest.mark.parametrize("text", ["", "00", "0x" + "00" * 31, "0" * 65, "G" * 64, "A" * 64, 1])
def test_what_is_no_hash(text: Any) -> None:
    with pytest.raises(Invalid, match="invalid_operation_hash"):
        parse_hash(text)
