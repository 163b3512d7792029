"""``keyborn issuer claim``: rights to be enrolled, one or many at a time."""

from pathlib import Path
from typing import Any, Final

import click

from did.errors import Invalid, KeybornError
from did.jcs import JsonObject
from did.strict_json import parse_object
from issuer.claim_table import batches, read_table
from issuer.cli_client import Admin, admin_options
from keyborn.inputs import INPUT_FILE
from keyborn.options import Group
from keyborn.output import as_text, emit, json_option

_STEP: Final = "create claims"
_MAX_CONFIGURATION: Final = 65_536  # bytes of the file


@click.group(cls=Group)
def claim() -> None:
    """Make claims: offers that a device redeems to be enrolled."""


@claim.command()
@admin_options
@click.option("--model", help="The device's model.")
@click.option("--owner", help="Who the device belongs to.")
@click.option("--role", "roles", multiple=True, help="What it may do; repeat it for more.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="For your own use.")
@click.option(
    "--configuration",
    type=INPUT_FILE,
    help="A JSON file: how the device connects. It is sent encrypted, to the device alone.",
)
@click.option(
    "--did",
    "dids",
    multiple=True,
    help="The one device that may take the claim; repeat it for several.  [default: the first]",
)
@click.option(
    "--devices",
    type=click.IntRange(1, 500),
    help="How many devices may take the claim.  [default: one, or those that are named]",
)
@click.option(
    "--approval/--no-approval",
    default=False,
    show_default=True,
    help="Have devices wait until an operator has approved them (keyborn issuer claim approve).",
)
@click.option(
    "--tx-code/--no-tx-code",
    default=False,
    show_default=True,
    help="Need a transaction code beside the offer; it is shown once, here.",
)
@click.option(
    "--expires-in",
    type=click.IntRange(1, 366 * 86_400),
    default=86_400,
    show_default=True,
    help="Seconds until the claim can no longer be redeemed.",
)
@click.option(
    "--csv",
    "table",
    type=INPUT_FILE,
    help="Make a claim for each row: columns model, owner, roles, tags, did, configuration "
    "(lists separated by semicolons, configuration a path); what a row lacks, the options say.",
)
@click.option(
    "--by-reference",
    is_flag=True,
    help="Print the offer as a reference to it: shorter, for a QR code.",
)
@json_option
def create(
    *,
    admin: Admin,
    model: str | None,
    owner: str | None,
    roles: tuple[str, ...],
    tags: tuple[str, ...],
    configuration: Path | None,
    dids: tuple[str, ...],
    devices: int | None,
    approval: bool,
    tx_code: bool,
    expires_in: int,
    table: Path | None,
    by_reference: bool,
    as_json: bool,
) -> None:
    """Make a claim, and print the offer to hand to the device."""
    defaults: JsonObject = {
        "model": model,
        "owner": owner,
        "roles": list(roles),
        "tags": _tags(tags),
        "configuration": None if configuration is None else _configuration(configuration),
        "dids": list(dids),
        "devices": devices or 1,
        "approval": approval,
        "tx_code": tx_code,
        "expires_in": expires_in,
    }
    if table is not None:
        rows = read_table(table, defaults, _configuration)
        _create_all(admin, rows, by_reference=by_reference, as_json=as_json)
        return
    if not model or not owner:
        raise click.UsageError("a claim needs --model and --owner, or --csv with such columns")
    answer: Any = admin.post("/claims", step=_STEP, body={"claims": [defaults]})
    (made,) = answer["claims"]
    emit(made, as_json=as_json, human=_offer(made, by_reference=by_reference))
    if "tx_code" in made and not as_json:
        click.echo(f"transaction code, shown this once: {made['tx_code']}", err=True)


def _create_all(admin: Admin, rows: list[JsonObject], *, by_reference: bool, as_json: bool) -> None:
    """Make the claims of a table, a part at a time.

    Codes are shown once: whatever was made before a failure is printed all the same.
    """
    made: list[Any] = []
    due = 0
    try:
        for batch in batches(rows):
            due = len(batch)
            answer: Any = admin.post("/claims", step=_STEP, body={"claims": batch})
            made += answer["claims"]
    except KeybornError as error:
        hint = f"this is about rows {len(made) + 1} to {len(made) + due}"
        if made:
            hint += (
                f"; the claims of the first {len(made)} are made, and printed: repeat the command"
                " with the rows that are left"
            )
        error.hint = hint if error.hint is None else f"{error.hint}; {hint}"
        raise
    finally:
        if made:
            lines = [_line(each, by_reference=by_reference) for each in made]
            emit({"claims": made}, as_json=as_json, human="\n".join(lines))


@claim.command("list")
@admin_options
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@click.option("--cursor", type=click.IntRange(min=0), default=0, help="From the page before.")
@json_option
def list_claims(*, admin: Admin, limit: int, cursor: int, as_json: bool) -> None:
    """List claims, oldest first, a page at a time."""
    query = {"limit": limit, "cursor": cursor}
    answer: Any = admin.get("/claims", step="list claims", query=query)
    lines = [
        f"{each['id']}  {each['state']:9}  {each['model']}  {_whose(each)}"
        for each in answer["claims"]
    ]
    emit(answer, as_json=as_json, human="\n".join(lines) or "no claims")
    if answer["next"] is not None and not as_json:
        click.echo(f"there are more: --cursor {answer['next']}", err=True)


@claim.command()
@admin_options
@click.argument("claim_id", metavar="ID")
@json_option
def show(*, admin: Admin, claim_id: str, as_json: bool) -> None:
    """Show one claim, without its codes."""
    answer = admin.get(f"/claims/{claim_id}", step="show the claim")
    emit(answer, as_json=as_json, human=as_text(answer))


@claim.command()
@admin_options
@click.argument("claim_id", metavar="ID")
@json_option
def cancel(*, admin: Admin, claim_id: str, as_json: bool) -> None:
    """Withdraw a claim; what was granted stays granted."""
    answer = admin.post(f"/claims/{claim_id}/cancel", step="cancel the claim")
    emit(answer, as_json=as_json, human=f"{answer['id']}  {answer['state']}")


@claim.command()
@admin_options
@click.argument("claim_id", metavar="ID")
@click.option("--did", "dids", multiple=True, help="Only this device; repeat it for more.")
@json_option
def approve(*, admin: Admin, claim_id: str, dids: tuple[str, ...], as_json: bool) -> None:
    """Let the devices that wait for approval have what the claim offers."""
    _decide(admin, claim_id, "approve", dids, as_json=as_json)


@claim.command()
@admin_options
@click.argument("claim_id", metavar="ID")
@click.option("--did", "dids", multiple=True, help="Only this device; repeat it for more.")
@json_option
def deny(*, admin: Admin, claim_id: str, dids: tuple[str, ...], as_json: bool) -> None:
    """Refuse the devices that wait for approval, for good."""
    _decide(admin, claim_id, "deny", dids, as_json=as_json)


def _decide(
    admin: Admin, claim_id: str, verb: str, dids: tuple[str, ...], *, as_json: bool
) -> None:
    body: JsonObject = {"dids": list(dids)} if dids else {}
    answer: Any = admin.post(f"/claims/{claim_id}/{verb}", step=f"{verb} the claim", body=body)
    lines = [f"{each['did']}  {each['standing']}" for each in answer["holders"]]
    emit(answer, as_json=as_json, human="\n".join(lines))


def _whose(shown: dict[str, Any]) -> str:
    """Who took a claim, or else who may; how many, where they are several."""
    if shown["devices"] > 1:
        return f"{len(shown['holders'])} of {shown['devices']} devices"
    return next((each["did"] for each in shown["holders"]), "".join(shown["dids"]) or "-")


def _line(made: dict[str, Any], *, by_reference: bool) -> str:
    code = f"  tx_code {made['tx_code']}" if "tx_code" in made else ""
    return f"{_offer(made, by_reference=by_reference)}{code}"


def _offer(made: dict[str, Any], *, by_reference: bool) -> str:
    return str(made["offer_by_reference" if by_reference else "offer"])


def _tags(texts: tuple[str, ...]) -> JsonObject:
    pairs = [text.partition("=") for text in texts]
    if not all(name and separator for name, separator, _ in pairs):
        raise click.UsageError("a tag is written --tag name=value")
    return {name: value for name, _, value in pairs}


def _configuration(path: Path) -> JsonObject:
    with path.open("rb") as file:
        data = file.read(_MAX_CONFIGURATION + 1)
    try:
        return parse_object(data, max_bytes=_MAX_CONFIGURATION)
    except Invalid as error:
        raise Invalid(
            "invalid_configuration",
            f"the configuration is no JSON object as it can be signed: {error.message}",
            step=_STEP,
            value=str(path),
            hint="correct the file: one JSON object, no key twice, no floats",
        ) from error
