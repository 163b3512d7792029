"""The commands that write trust roots: ``keyborn verifier trust`` and ``mark-compromised``."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from did.identifier import parse_did
from did.keys import PublicKey
from did.resolution import Finality
from keyborn.inputs import INPUT_FILE
from keyborn.output import emit, json_option
from ledger.network import load_network
from verifier.trust_root import DEFAULT_TYPES, Policy, TrustedIssuer, TrustRoot
from verifier.trust_writing import mark_compromised, write_trust_root

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_DEFAULT: Final = Policy()
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _seconds_option(
    name: str, default: timedelta, days: int, text: str
) -> Callable[[_Command], _Command]:
    return click.option(
        name,
        type=click.IntRange(0, days * 86_400),
        default=int(default.total_seconds()),
        show_default=True,
        help=text,
    )


@click.command()
@click.option("--network", type=INPUT_FILE, required=True, help="The network file of the ledger.")
@click.option("--issuer", "issuers", multiple=True, required=True, help="DID of an issuer.")
@click.option(
    "--status-url",
    "status_urls",
    multiple=True,
    required=True,
    help="Where an issuer's status lists are, as https://issuer/v1/status/: one for each issuer,"
    " in the same order; or several, for one issuer.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    default=DEFAULT_TYPES,
    show_default=True,
    help="A type of credential that these issuers may issue.",
)
@click.option(
    "--compromised-key",
    "compromised",
    multiple=True,
    help="A key of the one issuer that others may hold: what it signed does not count.",
)
@click.option(
    "--finality",
    type=click.Choice([finality.value for finality in Finality]),
    default=_DEFAULT.finality.value,
    show_default=True,
    help="How settled the log must be.",
)
@_seconds_option("--max-ledger-age", _DEFAULT.max_ledger_age, 1, "Of the newest head of the log.")
@_seconds_option(
    "--max-status-age", _DEFAULT.max_status_age, 7, "Of a status list; 0: ask each time."
)
@click.option("--out", type=_FILE, required=True, help="The trust root to write.")
@json_option
def trust(
    *,
    network: Path,
    issuers: tuple[str, ...],
    status_urls: tuple[str, ...],
    types: tuple[str, ...],
    compromised: tuple[str, ...],
    finality: str,
    max_ledger_age: int,
    max_status_age: int,
    out: Path,
    as_json: bool,
) -> None:
    """Write a trust root: whom a verifier believes. Edit the file for anything finer."""
    if len(issuers) != 1 and (len(status_urls) != len(issuers) or compromised):
        raise click.UsageError(
            "several issuers need one --status-url each, in the same order, and no"
            " --compromised-key (see: keyborn verifier mark-compromised)"
        )
    urls = [status_urls] if len(issuers) == 1 else [(url,) for url in status_urls]
    root = TrustRoot(
        load_network(network),
        tuple(
            TrustedIssuer(
                did=parse_did(issuer).canonical,
                types=types,
                status=tuple(url if url.endswith("/") else f"{url}/" for url in mine),
                compromised_keys=tuple(PublicKey.from_multibase(key) for key in compromised),
            )
            for issuer, mine in zip(issuers, urls, strict=True)
        ),
        Policy(
            finality=Finality(finality),
            max_ledger_age=timedelta(seconds=max_ledger_age),
            max_status_age=timedelta(seconds=max_status_age),
        ),
    )
    write_trust_root(out, root)
    _emit_root(out, root, as_json=as_json)


@click.command("mark-compromised")
@click.argument("key")
@click.option("--trust", "trust_file", type=INPUT_FILE, required=True, help="The trust root.")
@click.option("--issuer", help="Whose key it is, where the trust root has several issuers.")
@json_option
def mark(*, key: str, trust_file: Path, issuer: str | None, as_json: bool) -> None:
    """Mark KEY (z6Mk...) as compromised: nothing that it signed is believed any more.

    Restart the verifiers that use the trust root.
    """
    whose = None if issuer is None else parse_did(issuer)
    root = mark_compromised(trust_file, PublicKey.from_multibase(key), issuer=whose)
    _emit_root(trust_file, root, as_json=as_json)


def _emit_root(path: Path, root: TrustRoot, *, as_json: bool) -> None:
    dids = [issuer.did.text for issuer in root.issuers]
    emit(
        {"file": str(path), "trustRoot": root.digest, "issuers": dids},
        as_json=as_json,
        human=f"{path}: believes {', '.join(dids)} on log {root.log_id.hex()}",
    )
