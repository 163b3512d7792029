"""``keyborn issuer``: run an issuer, and administer one that runs."""

from datetime import timedelta
from pathlib import Path

import click

from issuer.cli_claims import claim
from issuer.cli_client import Admin, admin_options
from issuer.cli_devices import devices
from keyborn.inputs import INPUT_FILE
from keyborn.options import Group, Listening, service_options, store_option
from keyborn.output import as_text, emit, json_option

PORT = 8102


@click.group(cls=Group)
def issuer() -> None:
    """Provision devices with credentials, and manage them."""


issuer.add_command(claim)
issuer.add_command(devices)


@issuer.command()
@click.option(
    "--network",
    "network_file",
    type=INPUT_FILE,
    required=True,
    help="The ledger: a file that who runs it hands out.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the issuer keeps its state; made if it is missing.",
)
@click.option("--url", help="Public URL, by which devices know it.  [default: where it listens]")
@click.option(
    "--status-ttl",
    type=click.IntRange(1, 86_400),
    default=300,
    show_default=True,
    help="Seconds for which a status list may be cached: how late a revocation may be noticed.",
)
@click.option(
    "--approval-interval",
    type=click.IntRange(1, 86_400),
    default=5,
    show_default=True,
    help="Seconds after which a device that awaits approval is to ask again.",
)
@click.option(
    "--status-lifetime",
    type=click.IntRange(1, 604_800),
    help="Seconds for which a verifier that cannot get a newer status list may rely on one, if its"
    " own policy lets it.  [default: as --status-ttl]",
)
@click.option(
    "--status-message",
    "status_messages",
    multiple=True,
    metavar="TEXT",
    help="What may be said of a device (devices tell); credentials list all of them. The first is"
    " said until another is told.  [default: none]",
)
@click.option(
    "--vc-api",
    is_flag=True,
    help="Sign what is posted to /credentials/issue, for whoever has the administration token.",
)
@store_option
@service_options(port=PORT, nonces=True)
def serve(
    *,
    network_file: Path,
    directory: Path,
    url: str | None,
    status_ttl: int,
    approval_interval: int,
    status_lifetime: int | None,
    status_messages: tuple[str, ...],
    vc_api: bool,
    store: str | None,
    listening: Listening,
) -> None:
    """Run the issuer: enrolment, status lists and administration.

    At first start it makes its own DID, registers it, and prints a token for administration.
    """
    from issuer.serving import running  # noqa: PLC0415 - what it needs is slow to import
    from issuer.status_terms import StatusTerms  # noqa: PLC0415
    from ledger.network import load_network  # noqa: PLC0415

    network = load_network(network_file)
    statuses = StatusTerms(
        ttl=timedelta(seconds=status_ttl),
        lifetime=None if status_lifetime is None else timedelta(seconds=status_lifetime),
        messages=status_messages,
    )
    with running(
        network,
        directory,
        url=url,
        statuses=statuses,
        approval_interval=approval_interval,
        with_vc_api=vc_api,
        store=store,
        chaos=listening.chaos,
    ) as make_app:
        listening.serve(make_app)


@issuer.command()
@admin_options
@click.option("--replacing", metavar="KEY", help="Only if KEY is still in use (see info).")
@json_option
def rotate(*, admin: Admin, replacing: str | None, as_json: bool) -> None:
    """Replace the issuer's key; credentials that it signed stay valid.

    Nothing is issued meanwhile. If it is interrupted, to repeat it finishes it; with --replacing,
    to repeat it when it was done already does nothing.
    """
    answer = admin.post("/rotate", step="rotate", body={"replacing": replacing})
    emit(answer, as_json=as_json, human=f"{answer['did']} signs with {answer['key']} now")


@issuer.command()
@admin_options
@json_option
def info(*, admin: Admin, as_json: bool) -> None:
    """Show the issuer's URL, DID and key."""
    answer = admin.get("/issuer", step="ask for the issuer")
    emit(answer, as_json=as_json, human=as_text(answer))
