"""``make bench-verifying``: credentials verified and issued per second, beside PyNaCl and peers.

All in one run and on one core, in CPU time: what is measured alternates with the raw limit,
PyNaCl's check of one Ed25519 signature over 64 bytes. A credential of a running issuer is verified
from bytes by ``Verifier.verify_credential`` with every check on: the issuer's DID and key as the
log has them, signature, validity, log, status, policy. The log is brought up to date once for each
round (``Verifier.at_hand``), and what is known of the issuer is learnt anew in it; nothing is
remembered of a credential from one time to the next.

Peers verify a credential by a did:key in their own formats, each in a process of its own, after
as many to warm up; the log, and a status list, are not asked. They do less than we do.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import click
import orjson
from nacl.signing import SigningKey as RawKey

from bench.operating import Operator
from bench.reading import credential, seconds
from bench.services import Services
from bench.table import Row, bar, report
from did.document import MULTIKEY_CONTEXT, key_document
from did.errors import Unavailable
from did.identifier import KeyDid
from did.jcs import JsonObject
from did.keys import SigningKey
from did.vc.credential import CREDENTIALS_CONTEXT_1, PROVISIONING, build_credential
from did.vc.formats import Format, credential_in, secure_credential
from keyborn.output import json_option
from ledger.network import open_reader
from ledger.resolving.methods import MethodResolver
from verifier.challenges import ChallengeBook
from verifier.statuses import Statuses
from verifier.store import open_store
from verifier.trust_file import load_trust_root
from verifier.verifier import Verifier

# The least, and what it should come to, in hundredths of the raw rate.
FORMATS: Final = {
    Format.LDP_VC: (75.0, 80.0),
    Format.VC_COSE: (60.0, 70.0),
    Format.VC_JWT: (None, None),
}
_ROUNDS: Final = 7  # the best pair counts: what else runs here only ever adds
_PEERS: Final = Path(__file__).with_name("peers.mjs")
_DIDKIT: Final = Path(__file__).with_name("didkit_peer.py")


@click.command()
@click.option("--times", type=click.IntRange(1), default=4_096, help="Times in each round.")
@json_option
def verifying(*, times: int, as_json: bool) -> None:
    """Verify and issue credentials, ours beside those of others."""
    title = "Credentials, one core"
    report(title, lambda: measure(times), as_json=as_json)


def measure(times: int) -> list[Row]:
    """All of it, each so many ``times``."""
    with (
        tempfile.TemporaryDirectory(prefix="keyborn-bench-") as place,
        Services(Path(place)) as services,
    ):
        services.ledger()
        with services.issuer() as issuer:
            operator = Operator.of(issuer.url, services.folder / "issuer")
            held = {each: _enrolled(services, operator, each) for each in FORMATS}
            trust = services.trusting(issuer, operator.did)
            with bar("verifying and issuing", 2 * len(FORMATS)) as advance:
                rows = _verify(trust, services.folder, held, times, advance)
                rows += _issue(times, advance)
    return rows + _peers(times)


def _enrolled(services: Services, operator: Operator, format_: Format) -> bytes:
    """The credential of a new device, in this format, as the issuer gave it."""
    device = services.folder / f"device-{format_.value.replace('+', '-')}"
    services.run("device", "init", "--dir", str(device))
    services.run(
        *("device", "enroll", operator.offer(), "--dir", str(device), "--format", format_.value),
        *("--network", str(services.network), "--issuer", operator.url),
    )
    (kept,) = (device / "credentials").glob("*rovisioning*")
    return credential_in(orjson.loads(kept.read_bytes())).to_bytes()


def _verify(
    trust: Path,
    folder: Path,
    held: dict[Format, bytes],
    times: int,
    advance: Callable[[int], object],
) -> list[Row]:
    root = load_trust_root(trust)
    store = open_store(folder / "verifier")
    statuses = Statuses(store=store)
    book = ChallengeBook(store=store, audience="https://verifier.example")
    rows: list[Row] = []
    with open_reader(root.network, folder / "verifier" / "log.db") as reader:
        verifier = Verifier(
            trust_root=root,
            resolver=MethodResolver(reader, None),
            statuses=statuses,
            challenges=book,
        )
        for format_, data in held.items():
            verifier.verify_credential(data, at=datetime.now(UTC))  # fetches the status list

            def many(data: bytes = data, format_: Format = format_) -> None:
                here = verifier.at_hand()
                for _ in range(times):
                    here.verify_credential(data, at=datetime.now(UTC), format=format_)

            rate, ratio = _beside_raw(many, times)
            least, goal = FORMATS[format_]
            rows += [
                Row(f"verify, {format_}", 100 * ratio, "% of raw", at_least=least, goal=goal),
                Row(f"verify, {format_}: from bytes, all checks", rate, "per s"),
            ]
            advance(1)
    statuses.close()
    store.close()
    return rows


def _issue(times: int, advance: Callable[[int], object]) -> list[Row]:
    rows: list[Row] = []
    key = SigningKey.generate()
    for format_ in FORMATS:
        taken = seconds(partial(credential, format_, key), times)
        rows.append(Row(f"issue, {format_}: built and signed", 1 / taken, "per s"))
        advance(1)
    return rows


def _beside_raw(act: Callable[[], None], times: int) -> tuple[float, float]:
    """How many per second of CPU, and that by the raw rate; of several pairs of runs, the best."""
    raw = RawKey.generate()
    verify, signed = raw.verify_key.verify, raw.sign(bytes(64))
    best = (0.0, 0.0)
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(times):
            verify(signed)
        middle = time.process_time()
        act()
        end = time.process_time()
        ratio = (middle - start) / (end - middle)
        best = max(best, (ratio, times / (end - middle)))
    return best[1], best[0]


def _peers(times: int) -> list[Row]:
    key = SigningKey.generate()
    did = KeyDid(key.public_key())
    questions = {
        "@digitalbazaar/vc, eddsa-jcs-2022": ("node", _PEERS, _data_integrity(key, did)),
        "did-jwt-vc, jwt_vc_json": ("node", _PEERS, _token(key, did)),
        "DIDKit, jwt_vc_json": (sys.executable, _DIDKIT, _token(key, did)),
    }
    rows: list[Row] = []
    for name, (program, script, question) in questions.items():
        rate = _peer(program, script, {**question, "times": times // 4})
        if rate is None:
            click.echo(f"{name}: not run: it is not installed", err=True)
        else:
            rows.append(Row(f"verify, {name}", rate, "per s"))
    click.echo("acapy-agent: not run: it needs Python 3.13 and a wallet of its own", err=True)
    return rows


def _peer(program: str, script: Path, question: JsonObject) -> float | None:
    """Verifications per second by a peer; None where it is not installed."""
    try:
        done = subprocess.run(  # noqa: S603 - this project's own scripts
            [program, str(script)],
            input=orjson.dumps(question),
            check=False,
            capture_output=True,
        )
    except FileNotFoundError:
        return None
    said = done.stderr.decode(errors="replace")
    if any(missing in said for missing in ("ERR_MODULE_NOT_FOUND", "ModuleNotFoundError")):
        return None
    if done.returncode:
        raise Unavailable("bench_peer_failed", said[-600:].strip(), step=script.name)
    seconds: float = json.loads(done.stdout)["seconds"]
    times = question["times"]
    assert isinstance(times, int)
    return times / seconds


def _data_integrity(key: SigningKey, did: KeyDid) -> JsonObject:
    now = datetime.now(UTC)
    document = build_credential(
        PROVISIONING,
        issuer=did,
        subject={"id": did.text, "model": "bench-1", "roles": ["sensor"]},
        valid_from=now,
    )
    secured = secure_credential(document, key, issuer=did, created=now, format=Format.LDP_VC)
    controller = key_document(did)
    methods = controller["verificationMethod"]
    assert isinstance(methods, list)
    documents: JsonObject = {did.text: controller}
    for method in methods:
        assert isinstance(method, dict)
        documents[str(method["id"])] = {"@context": MULTIKEY_CONTEXT, **method}
    return {"operation": "dataIntegrity", "credential": json.loads(secured), "documents": documents}


def _token(key: SigningKey, did: KeyDid) -> JsonObject:
    now = datetime.now(UTC)
    document: JsonObject = {
        "@context": [CREDENTIALS_CONTEXT_1],
        "id": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "type": ["VerifiableCredential"],
        "issuer": did.text,
        "issuanceDate": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "credentialSubject": {"id": did.text},
    }
    token = secure_credential(document, key, issuer=did, created=now, format=Format.JWT_VC_JSON)
    return {"operation": "jwt", "token": token.decode(), "documents": {did.text: key_document(did)}}


if __name__ == "__main__":
    verifying()
