"""The trust root: whom a verifier believes, in one TOML file that a person can read.

::

    [log]                       # the one log; the table of the network file, as it was handed out
    type = "embedded"
    ...

    [[issuers]]
    did = "did:keyborn:..."     # or a did:key; or a did:web, whose host may then be asked
    types = ["DeviceProvisioningCredential"]       # what it may issue
    status = ["https://issuer.example/v1/status/"] # where its status lists may be fetched from
    from = 2026-01-01T00:00:00Z                    # optional: believed if validFrom is not earlier
    until = 2027-01-01T00:00:00Z                   # optional: ... and earlier than this
    compromised_keys = ["z6Mk..."]                 # optional: nothing that these keys signed counts
    status_issuers = ["did:keyborn:..."]           # optional: others that may sign its status lists

    [policy]                    # optional, as is each of its fields
    finality = "finalized"      # latest, safe or finalized: how settled the log must be
    max_ledger_age = 300        # seconds
    max_status_age = 300        # seconds; 0 fetches for each decision; of did:web documents too
    clock_skew = 60             # seconds
    models = ["..."]            # only devices of one of these models
    roles = ["..."]             # only devices that have all of these roles
    refused_messages = ["..."]  # no devices of which a status list says one of these

Reading is strict: an unknown field, an empty list of issuers or of types, an issuer named twice
are refused, each with the field's name. ``status = []`` is for an issuer without status lists:
what it issued cannot be taken back, other than here.

Threat model: whoever can modify the file decides what its verifiers believe. It holds no secret.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from did.errors import Invalid
from did.identifier import Did, KeybornDid, parse_did
from did.keys import PublicKey
from did.resolution import Finality
from did.timestamps import MAX_CLOCK_SKEW
from did.vc.credential import CONFIGURATION
from keyborn.inputs import reading
from keyborn.toml import parse_toml
from ledger.network import parse_network
from verifier.toml_fields import Fields
from verifier.trust_root import Policy, TrustedIssuer, TrustRoot

MAX_BYTES: Final = 1_048_576

_HINT: Final = "write one: keyborn verifier trust; docs/reference/trust-root.md has every field"

_DAY: Final = 86_400
_MOST_SKEW: Final = int(MAX_CLOCK_SKEW.total_seconds())
_PREFIX_PATH = re.compile(r"/([A-Za-z0-9_~-][A-Za-z0-9._~-]*/)*", re.ASCII)


def load_trust_root(path: Path) -> TrustRoot:
    """The trust root in the file ``path``.

    Raises:
        Invalid: ``invalid_trust_root``, with the file, and the line (TOML's syntax) or the field.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    with reading(path):
        if len(data) > MAX_BYTES:
            raise _unreadable(f"has more than {MAX_BYTES} bytes")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _unreadable("is not UTF-8") from error
        return parse_trust_root(text)


def parse_trust_root(text: str) -> TrustRoot:
    """The trust root that TOML ``text`` is; raises ``Invalid`` as ``load_trust_root``."""
    try:
        document = parse_toml(text)
    except Invalid as error:
        raise _unreadable(f"is not TOML: {error.message}") from error
    fields = Fields(document, "")
    log = fields.table("log")
    try:
        network = parse_network(log)
    except Invalid as error:
        raise fields.wrong("log", f"is wrong: {error.message}", error.value, error.hint) from error
    issuers = tuple(_issuer(entry) for entry in fields.tables("issuers"))
    if len({issuer.did for issuer in issuers}) != len(issuers):
        raise fields.wrong("issuers", "names an issuer twice")
    policy = _policy(Fields(fields.table("policy"), "policy")) if fields.has("policy") else Policy()
    fields.done()
    return TrustRoot(network, issuers, policy)


def _unreadable(what: str) -> Invalid:
    return Invalid("invalid_trust_root", f"trust root: {what}", hint=_HINT)


def _issuer(fields: Fields) -> TrustedIssuer:
    types = fields.some_texts("types")
    if CONFIGURATION in types:
        raise fields.wrong("types", f"names {CONFIGURATION}, which is never presented")
    status = fields.texts("status")
    for prefix in status:
        _check_prefix(fields, prefix)
    since = fields.time("from") if fields.has("from") else None
    until = fields.time("until") if fields.has("until") else None
    if since is not None and until is not None and until <= since:
        raise fields.wrong("until", "is not after from", until)
    issuer = TrustedIssuer(
        did=_did(fields, "did", fields.text("did")),
        types=types,
        status=status,
        since=since,
        until=until,
        compromised_keys=_keys(fields) if fields.has("compromised_keys") else (),
        status_issuers=_dids(fields) if fields.has("status_issuers") else (),
    )
    fields.done()
    return issuer


def _did(fields: Fields, name: str, text: str) -> Did:
    try:
        did = parse_did(text)
    except Invalid as error:
        raise fields.wrong(name, f"is wrong: {error.message}", text) from error
    if isinstance(did, KeybornDid) and did.genesis is not None:
        raise fields.wrong(name, "is in its long form", text, f"write {did.canonical.text}")
    return did


def _dids(fields: Fields) -> tuple[Did, ...]:
    texts = fields.texts("status_issuers")
    return tuple(_did(fields, "status_issuers", text) for text in texts)


def _keys(fields: Fields) -> tuple[PublicKey, ...]:
    texts = fields.texts("compromised_keys")
    try:
        return tuple(PublicKey.from_multibase(text) for text in texts)
    except Invalid as error:
        raise fields.wrong(
            "compromised_keys",
            f"holds what is no Multikey value: {error.message}",
            error.value,
            "write z6Mk..., as in the DID document",
        ) from error


def _check_prefix(fields: Fields, prefix: str) -> None:
    try:
        parts = urlsplit(prefix)
        # Spelled back, so that nothing was dropped: no user, port out of range, query or fragment.
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = "" if parts.port is None else f":{parts.port}"
        plain = f"{parts.scheme}://{host}{port}{parts.path}" == prefix
    except ValueError:
        plain = False
    if not plain or not prefix.startswith(("https://", "http://")):
        raise fields.wrong("status", "holds what is no plain http or https URL", prefix)
    if not _PREFIX_PATH.fullmatch(parts.path):
        raise fields.wrong(
            "status", "holds a URL that does not end with a slash", prefix, f"write {prefix}/"
        )


def _policy(fields: Fields) -> Policy:
    default = Policy()
    policy = Policy(
        finality=_finality(fields) if fields.has("finality") else default.finality,
        max_ledger_age=_seconds(fields, "max_ledger_age", default.max_ledger_age, _DAY),
        max_status_age=_seconds(fields, "max_status_age", default.max_status_age, 7 * _DAY),
        clock_skew=_seconds(fields, "clock_skew", default.clock_skew, _MOST_SKEW),
        models=fields.some_texts("models") if fields.has("models") else (),
        roles=fields.some_texts("roles") if fields.has("roles") else (),
        refused_messages=_refused_messages(fields),
    )
    fields.done()
    return policy


def _refused_messages(fields: Fields) -> tuple[str, ...]:
    name = "refused_messages"
    return fields.some_texts(name) if fields.has(name) else ()


def _seconds(fields: Fields, name: str, default: timedelta, most: int) -> timedelta:
    return fields.seconds(name, most=most) if fields.has(name) else default


def _finality(fields: Fields) -> Finality:
    text = fields.text("finality")
    try:
        return Finality(text)
    except ValueError as error:
        known = ", ".join(Finality)
        raise fields.wrong("finality", f"is none of {known}", text) from error
