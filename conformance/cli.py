"""The command ``keyborn conformance``."""

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import orjson

from conformance.identity import NAME, DidMethod, Identity
from did.jcs import Json, JsonObject
from keyborn.options import Group, Listening, service_options
from keyborn.output import as_text, emit

if TYPE_CHECKING:
    from fastapi import FastAPI


PORT: Final = 8110
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@click.group(cls=Group)
def conformance() -> None:
    """Run an instance that the W3C's test suites can be pointed at."""


@conformance.command()
@click.option(
    "--https",
    is_flag=True,
    help="HTTPS, with a certificate that is made when there is none; or with that of --tls-cert.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep its state here.  [default: a temporary place]",
)
@click.option(
    "--identity",
    default=NAME,
    show_default=True,
    help="Whatever text: the issuer's key, and so its DID, follow from it.",
)
@click.option(
    "--did-method",
    type=click.Choice([method.value for method in DidMethod]),
    default=DidMethod.KEY.value,
    show_default=True,
    help="The method of the issuer's DID.",
)
@click.option(
    "--manifest-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the manifest for the suites to this file.",
)
@service_options(port=PORT, tells_json=True)
def serve(
    *,
    https: bool,
    directory: Path | None,
    identity: str,
    did_method: str,
    manifest_out: Path | None,
    as_json: bool,
    listening: Listening,
) -> None:
    """Run issuer, verifier and resolver for conformance tests, on this machine alone.

    They ask nobody who they are: the issuer signs whatever it is given, with a key that everybody
    can derive, and the verifier takes any issuer's credentials. What it prints are the endpoints,
    the issuer's DID and the options to send; with --json, the manifest of the W3C's suites too.
    """
    from conformance.certificate import certificate_in  # noqa: PLC0415 - slow to import
    from conformance.instance import instance  # noqa: PLC0415
    from conformance.manifest import endpoints, manifest  # noqa: PLC0415
    from keyborn.clock import now  # noqa: PLC0415
    from keyborn.files import locked, private_directory, write_public  # noqa: PLC0415

    if listening.host not in _LOOPBACK:
        raise click.UsageError("it asks nobody who they are, so --host is 127.0.0.1 or ::1")
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(locked(private_directory(directory) / "lock"))
        made = certificate_in(directory, at=now()) if https and listening.tls is None else None
        opened = stack.enter_context(
            instance(
                directory,
                identity=Identity(identity),
                method=DidMethod(did_method),
                authorities=None if made is None else made.client,
            )
        )

        def make_app(url: str) -> "FastAPI":
            found = endpoints(url, opened.did)
            listed = manifest(url, opened.did)
            if manifest_out is not None:
                write_public(manifest_out, orjson.dumps(listed, option=orjson.OPT_INDENT_2))
            tls_facts = {} if made is None else {"tls": made.to_json()}
            human = {**found, "options": _as_json(found["options"]), **tls_facts}
            data = {**found, **tls_facts, "manifest": listed}
            emit(data, as_json=as_json, human=as_text(human))
            return opened.make_app(url)

        tls = listening.tls if made is None else made.server
        replace(listening, tls=tls).serve(make_app)


def _as_json(options: Json) -> JsonObject:
    """Each set of options as the JSON to send."""
    assert isinstance(options, dict)
    return {name: orjson.dumps(given).decode() for name, given in options.items()}
