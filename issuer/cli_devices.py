"""``keyborn issuer devices``: the inventory."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import click

from did.identifier import parse_keyborn
from did.jcs import Json, JsonObject
from issuer.cli_client import Admin, admin_options
from keyborn.options import Group
from keyborn.output import as_text, emit, json_option

_FLAGS: Final = ("provisioned", "registered", "active", "suspended", "revoked", "deactivated")


@click.group(cls=Group)
def devices() -> None:
    """See how devices stand; suspend, reinstate and revoke them; have something told of them."""


@devices.command("list")
@admin_options
@click.option("--model", help="Only devices of this model.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Only with this tag.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@click.option("--cursor", type=click.IntRange(min=0), default=0, help="From the page before.")
@json_option
def list_devices(
    *,
    admin: Admin,
    model: str | None,
    tags: tuple[str, ...],
    limit: int,
    cursor: int,
    as_json: bool,
) -> None:
    """List devices, in the order in which they became known, a page at a time."""
    query: dict[str, Any] = {"limit": limit, "cursor": cursor, "tag": list(tags)}
    if model is not None:
        query["model"] = model
    answer: Any = admin.get("/devices", step="list devices", query=query)
    lines = [_line(device) for device in answer["devices"]]
    emit(answer, as_json=as_json, human="\n".join(lines) or "no devices")
    if answer["next"] is not None and not as_json:
        click.echo(f"there are more: --cursor {answer['next']}", err=True)


@devices.command()
@admin_options
@click.argument("did")
@json_option
def show(*, admin: Admin, did: str, as_json: bool) -> None:
    """Show one device."""
    answer = admin.get(f"/devices/{parse_keyborn(did)}", step="show the device")
    emit(answer, as_json=as_json, human=as_text({**answer, **_unasked(answer)}))


_dids = click.argument("dids", metavar="DID...", nargs=-1, required=True)


@devices.command()
@admin_options
@_dids
@json_option
def suspend(*, admin: Admin, dids: tuple[str, ...], as_json: bool) -> None:
    """Have verifiers refuse devices until they are reinstated: all of them, or none.

    Verifiers notice at the latest after their max_status_age: 300 s unless set otherwise.
    """
    _change(admin, dids, "suspend", as_json=as_json)


@devices.command()
@admin_options
@_dids
@json_option
def reinstate(*, admin: Admin, dids: tuple[str, ...], as_json: bool) -> None:
    """End devices' suspension: of all of them, or of none.

    Verifiers notice at the latest after their max_status_age: 300 s unless set otherwise.
    """
    _change(admin, dids, "reinstate", as_json=as_json)


@devices.command()
@admin_options
@_dids
@json_option
def revoke(*, admin: Admin, dids: tuple[str, ...], as_json: bool) -> None:
    """Have verifiers refuse devices, for good: all of them, or none.

    Verifiers notice at the latest after their max_status_age: 300 s unless set otherwise.
    """
    _change(admin, dids, "revoke", as_json=as_json)


@devices.command()
@admin_options
@click.argument("message")
@_dids
@json_option
def tell(*, admin: Admin, message: str, dids: tuple[str, ...], as_json: bool) -> None:
    """Have verifiers told MESSAGE of devices, which they accept all the same.

    It is one of those that the issuer was started with (--status-message). Verifiers have it in
    their records at the latest after their max_status_age: 300 s unless set otherwise.
    """
    _change(admin, dids, "tell", {"message": message}, as_json=as_json)


def _change(
    admin: Admin,
    dids: tuple[str, ...],
    verb: str,
    body: Mapping[str, str] = MappingProxyType({}),
    *,
    as_json: bool,
) -> None:
    parsed = [parse_keyborn(did).canonical.text for did in dids]
    if len(parsed) == 1:
        path, step = f"/devices/{parsed[0]}/{verb}", f"{verb} the device"
        answer = admin.post(path, step=step, body=dict(body) or None)
        line = _line(answer)
    else:
        asked: JsonObject = {"dids": list[Json](parsed), **body}
        answer = admin.post(f"/fleet/{verb}", step=f"{verb} the devices", body=asked)
        line = f"{answer['devices']} devices"
    emit(answer, as_json=as_json, human=line)
    if not as_json:
        click.echo("verifiers notice at the latest after their max_status_age", err=True)


def _line(device: dict[str, Any]) -> str:
    flags = [name if device[name] else f"{name}?" for name in _FLAGS if device[name] is not False]
    return f"{device['did']}  {device['model']}  {' '.join(flags)}"


def _unasked(device: dict[str, Any]) -> dict[str, Any]:
    """What the log would have to say and did not: not "none", as a time that never came is."""
    return {name: "unknown" for name in _FLAGS if device[name] is None}
