"""What the ledger's commands show, as data and as text."""

from collections.abc import Sequence
from datetime import UTC, datetime

from did.jcs import JsonObject
from did.resolution import Registration, Resolution
from did.timestamps import format_time
from did.web_document import WebDocument
from ledger.log import Head, Heads, SourceWarning
from ledger.network import Network

_LABEL = "<14"


def log_status(network: Network, heads: Heads, warnings: Sequence[SourceWarning]) -> JsonObject:
    """Where a log stands, and what is wrong with those that it is read from."""
    return {
        "logId": network.log_id.hex(),
        "type": network.to_table()["type"],
        "url": network.url,
        "heads": {
            head.finality.value: head_json(head)
            for head in (heads.latest, heads.safe, heads.finalized)
        },
        "warnings": [
            {"source": each.source, "code": each.code, "message": each.message} for each in warnings
        ],
    }


def log_status_text(network: Network, heads: Heads, warnings: Sequence[SourceWarning]) -> str:
    """The same, to be read."""
    lines = [
        _line("log", network.log_id.hex()),
        _line("ledger", f"{network.to_table()['type']} at {network.url}"),
    ]
    lines += [
        _line(head.finality.value, f"entry {head.sequence} at {head_time(head)}, {head.head.hex()}")
        for head in (heads.latest, heads.safe, heads.finalized)
    ]
    lines += [_line("warning", f"{each.message} [{each.code}]") for each in warnings]
    return "\n".join(lines)


def resolution_text(resolution: Resolution) -> str:
    """A resolution, to be read."""
    lines = [_line("did", resolution.did.canonical.text)]
    if resolution.registration is Registration.YES:
        version = resolution.versions[resolution.selected]
        metadata = resolution.metadata()
        lines.append(
            _line(
                "registered", f"{metadata['created']}, at entry {resolution.versions[0].sequence}"
            )
        )
        if "updated" in metadata:
            lines.append(_line("updated", f"{metadata['updated']}, at entry {version.sequence}"))
        lines.append(_line("version", f"{version.id}, {version.finality}"))
    else:
        lines.append(_line("registered", resolution.registration))
    if resolution.web is not None:
        lines.append(_line("fetched", str(resolution.metadata()["asOf"])))
        return "\n".join([*lines, *_web_keys(resolution.web)])
    lines += _keys(resolution.document())
    if resolution.metadata().get("deactivated"):
        lines.append(_line("deactivated", "for good"))
    return "\n".join(lines)


def document_text(document: JsonObject) -> str:
    """A did:key's document, to be read: its DID and its keys."""
    return "\n".join([_line("did", str(document["id"])), *_keys(document)])


def _keys(document: JsonObject) -> list[str]:
    """A line for each key of a document whose methods are ``Multikey``."""
    methods = document.get("verificationMethod", [])
    assert isinstance(methods, list)
    found = [method["publicKeyMultibase"] for method in methods if isinstance(method, dict)]
    return [_line("key", str(key)) for key in found]


def _web_keys(web: WebDocument) -> list[str]:
    """Keys, and what for; other kinds of key than Ed25519 are of no use here."""
    return [
        _line(
            "key",
            ", ".join(
                [key.multibase, *(use for use, names in web.relationships.items() if name in names)]
            ),
        )
        for name, key in web.keys.items()
    ]


def head_json(head: Head) -> JsonObject:
    """A head as data."""
    return {"sequence": head.sequence, "head": head.head.hex(), "time": head_time(head)}


def head_time(head: Head) -> str:
    """When the ledger vouched for it."""
    return format_time(datetime.fromtimestamp(head.time, UTC))


def _line(label: str, value: str) -> str:
    return f"{label:{_LABEL}}{value}"
