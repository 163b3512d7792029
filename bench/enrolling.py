"""The clients of ``bench.onboarding``: each enrols one device after the other.

One enrolment is ``/token``, ``/nonce``, ``/credential``. What does not depend on an answer is made
before the clock starts: keys, DIDs, headers of proofs, forms. What does is made while it runs: a
possession proof with the fresh nonce, hence one signature. Of each answer the status and the shape
are checked; some are kept, for the bench to verify when the clock stands.
"""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import orjson

from bench.load import Connection, FailedError, Load, head_of, run_clients, whole
from bench.newborn import Newborn, newborns
from did.openid4vci import PRE_AUTHORIZED, PROVISIONING_CONFIGURATION

CLIENTS: Final = 64  # at once, where nothing else is said
MOST: Final = 1_500  # enrolments per second that claims are made for
KEPT: Final = 10  # one in so many answers

_OK: Final = 200
_PAYLOAD: Final = '{{"aud":"{}","iat":{},"nonce":"{}"}}'


@dataclass(frozen=True, slots=True)
class Enrolments:
    """What came of them.

    Attributes:
        load: Times and failures.
        kept: Some answers of ``/credential``, each with the device that asked.
    """

    load: Load
    kept: Sequence[tuple[Newborn, bytes]]


def enrol(
    urls: Sequence[str], audience: str, codes: Sequence[str], clients: int, seconds: float
) -> Enrolments:
    """Enrol new devices, one for each of ``codes`` while time lasts.

    Args:
        urls: Where the issuer's processes listen; the clients are spread over them.
        audience: The issuer's URL, as its proofs name it.
        codes: Of claims, for one device each.
        clients: How many at once.
        seconds: After which none begins anew.
    """
    issuer = urls[0]
    token_head = head_of(issuer, "/token", "application/x-www-form-urlencoded")
    nonce = head_of(issuer, "/nonce") + b"0\r\n\r\n"
    credential_head = head_of(issuer, "/credential", "application/json")
    grant = f"grant_type={quote(PRE_AUTHORIZED, safe='')}&pre-authorized_code="
    prepared = iter(
        [
            (whole(token_head, f"{grant}{code}".encode()), device, device.proof_head())
            for code, device in zip(codes, newborns(len(codes)), strict=True)
        ]
    )
    kept: list[tuple[Newborn, bytes]] = []
    count = 0
    before = b'{"credential_configuration_id":"%s","proofs":{"jwt":["' % (
        PROVISIONING_CONFIGURATION.encode()
    )

    async def once(connection: Connection) -> bool:
        nonlocal count
        ready = next(prepared, None)
        if ready is None:
            return False
        form, device, proof_head = ready
        token = orjson.loads(_ok(await connection.ask(form), "/token"))["access_token"]
        fresh = orjson.loads(_ok(await connection.ask(nonce), "/nonce"))["c_nonce"]
        payload = _PAYLOAD.format(audience, int(time.time()), fresh).encode()
        signed = proof_head + base64.urlsafe_b64encode(payload).rstrip(b"=")
        signature = base64.urlsafe_b64encode(device.sign(signed)).rstrip(b"=")
        body = b"%b%b.%b%b" % (before, signed, signature, b'"]}}')
        asked = b"%b%d\r\nauthorization: Bearer %b\r\n\r\n%b" % (
            credential_head,
            len(body),
            token.encode(),
            body,
        )
        answer = _ok(await connection.ask(asked), "/credential")
        if device.did.encode() not in answer or b'"proofValue"' not in answer:
            raise FailedError(f"/credential gave another credential: {answer[:200]!r}")
        count += 1
        if count % KEPT == 1:
            kept.append((device, answer))
        return True

    return Enrolments(run_clients(urls, clients, seconds, once), kept)


def _ok(answer: tuple[int, bytes], path: str) -> bytes:
    status, body = answer
    if status != _OK:
        raise FailedError(f"{path} answered {status}: {body[:300]!r}")
    return body
