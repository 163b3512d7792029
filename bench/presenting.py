"""Devices that register, and that present: a challenge each time, and the answer to it.

What does not depend on an answer is made before the clock starts. What does is made while it runs:
the proof of a presentation, hence one signature.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final, Self

import orjson

from bench.load import Connection, FailedError, Load, head_of, run_clients, whole
from bench.newborn import Newborn
from did.identifier import parse_did
from did.jcs import JsonObject, canonicalize
from did.multibase import multibase_encode
from did.timestamps import format_time
from did.vc.data_integrity import CRYPTOSUITE, PROOF_TYPE
from did.vc.presentation import unsecured_presentation
from did.vc.securing import AUTHENTICATION
from keyborn import clock

_CREATED: Final = 201
_ACCEPTED: Final = 202
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Holder:
    """A device with its credential, and what of its presentations is always the same.

    Attributes:
        device: Itself.
        document: The presentation, without its proof.
        digest: SHA-256 of that in canonical form.
        asking: The body of its request for a challenge.
        method: The verification method of its proofs: its key, under its short DID.
    """

    device: Newborn
    document: JsonObject
    digest: bytes
    asking: bytes
    method: str

    @classmethod
    def of(cls, device: Newborn, answer: bytes) -> Self:
        """The device that got this answer at ``/credential``."""
        (entry,) = orjson.loads(answer)["credentials"]
        document = unsecured_presentation([entry["credential"]], parse_did(device.did))
        digest = hashlib.sha256(canonicalize(document)).digest()
        asking = orjson.dumps({"did": device.did})
        method = f"{device.did}#{device.kid.partition('#')[2]}"
        return cls(device, document, digest, asking, method)

    def present(self, challenge: str, audience: str) -> bytes:
        """The presentation that answers ``challenge``."""
        proof: JsonObject = {
            "@context": self.document["@context"],
            "challenge": challenge,
            "created": format_time(clock.now()),
            "cryptosuite": CRYPTOSUITE,
            "domain": audience,
            "proofPurpose": AUTHENTICATION,
            "type": PROOF_TYPE,
            "verificationMethod": self.method,
        }
        signed = hashlib.sha256(canonicalize(proof)).digest() + self.digest
        value = multibase_encode(self.device.sign(signed))
        secured = {**self.document, "proof": {**proof, "proofValue": value}}
        return orjson.dumps(secured, option=orjson.OPT_SORT_KEYS)  # as our devices write it


def present(verifier: str, holders: Sequence[Holder], clients: int, seconds: float) -> Load:
    """Have ``holders`` present to the verifier at this URL, one after the other, over and over."""
    challenge_head = head_of(verifier, "/v1/challenges", "application/json")
    presentation_head = head_of(verifier, "/v1/presentations", "application/vp")
    turns = cycle(holders)

    async def once(connection: Connection) -> bool:
        holder = next(turns)
        asked = whole(challenge_head, holder.asking)
        status, answer = await connection.ask(asked)
        if status != _CREATED:
            raise FailedError(f"/v1/challenges answered {status}: {answer[:300]!r}")
        challenge = orjson.loads(answer)
        shown = holder.present(challenge["challenge"], challenge["domain"])
        status, answer = await connection.ask(whole(presentation_head, shown))
        if status != _OK or holder.device.did.encode() not in answer:
            raise FailedError(f"/v1/presentations answered {status}: {answer[:300]!r}")
        return True

    return run_clients([verifier], clients, seconds, once)


def register(registrar: str, devices: Sequence[Newborn], clients: int) -> Load:
    """Hand the creates of ``devices`` to a registrar; each is acknowledged, and so durable."""
    head = head_of(registrar, "/v1/operations", "application/json")
    bodies = iter(
        [
            orjson.dumps({"type": "create", "genesis": multibase_encode(device.genesis.to_bytes())})
            for device in devices
        ]
    )

    async def once(connection: Connection) -> bool:
        body = next(bodies, None)
        if body is None:
            return False
        status, answer = await connection.ask(whole(head, body))
        if status not in {_OK, _ACCEPTED}:
            raise FailedError(f"/v1/operations answered {status}: {answer[:300]!r}")
        return True

    return run_clients([registrar], clients, float("inf"), once)
