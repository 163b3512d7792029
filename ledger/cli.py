"""``keyborn ledger …`` and ``keyborn resolve``."""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keyborn.inputs import INPUT_FILE
from keyborn.options import Group, Listening, service_options, store_option
from keyborn.output import emit, json_option
from ledger.cli_deploy import deploy
from ledger.cli_doctor import doctor
from ledger.cli_follow import follow
from ledger.cli_proof import check, prove
from ledger.options import (
    BlockHash,
    index_option,
    key_options,
    mirror_option,
    network_option,
    public_https,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ledger.network import Network
    from ledger.reader import LogReader

PORT: Final = 8101
_RPC_PORT: Final = 8545

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_DIRECTORY: Final = click.Path(file_okay=False, path_type=Path)


_block_option = click.option(
    "--block-hash",
    type=BlockHash(),
    help="The log as of this Ethereum block (0x…), which is believed, and nobody else.",
)


@click.group(cls=Group)
def ledger() -> None:
    """The log of DIDs: serve one, look at one, start an Ethereum devnet."""


for _command in (deploy, doctor, follow, prove, check):
    ledger.add_command(_command)


@ledger.command()
@click.option("--dir", "directory", type=_DIRECTORY, required=True, help="State of the service.")
@click.option(
    "--network",
    type=INPUT_FILE,
    help="A log on Ethereum to be registrar of; else an embedded ledger.",
)
@key_options
@click.option(
    "--max-fee-gwei",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=50.0,
    show_default=True,
    help="With --network: pay so much for a unit of gas at the most; wait while it costs more.",
)
@click.option(
    "--replace-after",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    help="With --network: replace a transaction by a dearer one if it is in no block after so many "
    "seconds.",
)
@click.option("--network-out", type=_FILE, help="Write network.toml here too, for readers.")
@click.option("--url", help="Where readers reach this service, if not where it listens.")
@click.option(
    "--batch-size",
    type=click.IntRange(1, 2_000),
    default=2_000,
    show_default=True,
    help="So many operations make a batch, at the most.",
)
@click.option(
    "--batch-bytes",
    type=click.IntRange(256, 130_560),  # ledger.registrar.room.LARGEST_BATCH
    default=130_560,
    show_default=True,
    help="So many bytes make a batch, at the most.",
)
@click.option(
    "--batch-time",
    type=click.FloatRange(0, 600),
    help="Seconds that an operation waits for others. [default: 0.05, on Ethereum 0.5]",
)
@click.option(
    "--queue-limit",
    type=click.IntRange(1, 10_000_000),
    default=100_000,
    show_default=True,
    help="So many operations may wait; more are turned away, to come again.",
)
@click.option(
    "--finality-depth",
    type=click.IntRange(0, 1_000),
    default=0,
    show_default=True,
    help="Embedded ledger: blocks until an entry is final.",
)
@click.option(
    "--block-time",
    type=click.FloatRange(0.05, 600),
    default=1.0,
    show_default=True,
    help="Embedded ledger with a finality depth: seconds between blocks until all is final.",
)
@click.option(
    "--did-web",
    is_flag=True,
    help="Resolve did:web too: fetch from whatever public host a client names.",
)
@store_option
@service_options(port=PORT)
def serve(
    *,
    directory: Path,
    network: Path | None,
    key_file: Path | None,
    password_file: Path | None,
    max_fee_gwei: float,
    replace_after: float,
    network_out: Path | None,
    url: str | None,
    batch_size: int,
    batch_bytes: int,
    batch_time: float | None,
    queue_limit: int,
    finality_depth: int,
    block_time: float,
    did_web: bool,
    store: str | None,
    listening: Listening,
) -> None:
    """Serve a ledger: registrar, resolution, and for an embedded one the log.

    Without --network, the embedded ledger in --dir, made at the first start. With --network and
    a key that pays, a registrar of a log on Ethereum. What readers need, network.toml, is written
    to --dir once the service listens.
    """
    from ledger.account import find_account  # noqa: PLC0415
    from ledger.network import load_network, parse_network, write_network  # noqa: PLC0415
    from ledger.registrar.dispatch import Batching  # noqa: PLC0415
    from ledger.resolving.web import WebResolver  # noqa: PLC0415
    from ledger.service import embedded_service, ethereum_service  # noqa: PLC0415

    if network is None and (key_file is not None or password_file is not None):
        raise click.UsageError("a key pays for a log on Ethereum, which --network names")
    batching = Batching(
        count=batch_size, size=batch_bytes, queue=queue_limit, patience=replace_after
    )
    # No patience: whoever waits for slow hosts is not to keep the registrar from its work.
    web = WebResolver(public_https(), patience=0) if did_web else None
    if network is None:
        delay = 0.05 if batch_time is None else batch_time
        service = embedded_service(
            directory,
            batching=replace(batching, delay=delay, poll=0.2),
            finality_depth=finality_depth,
            block_seconds=block_time,
            web=web,
            store=store,
        )
    else:
        delay = 0.5 if batch_time is None else batch_time
        service = ethereum_service(
            directory,
            network=load_network(network),
            sender=find_account(key_file, password_file, os.environ),
            ceiling=round(max_fee_gwei * 10**9),
            batching=replace(batching, delay=delay, poll=0.5),
            web=web,
            store=store,
        )
    with service as built:

        def named(bound: str) -> "FastAPI":
            found = replace(built.network, url=url or bound)
            parse_network(found.to_table())  # what readers would refuse is not handed out
            for path in filter(None, (directory / "network.toml", network_out)):
                write_network(path, found)
            return built.app

        listening.serve(named)


@ledger.command()
@network_option
@index_option
@_block_option
@mirror_option
@json_option
def status(
    *,
    network: Path,
    index: Path | None,
    block_hash: bytes | None,
    mirror: str | None,
    as_json: bool,
) -> None:
    """Show where a log stands, verified, and which of its nodes do not serve."""
    from ledger.network import load_network, with_mirror  # noqa: PLC0415
    from ledger.report import log_status, log_status_text  # noqa: PLC0415

    found = with_mirror(load_network(network), mirror)
    with _reader(found, index, block_hash) as reader:
        heads = reader.sync()
        warnings = reader.warnings()
    emit(
        log_status(found, heads, warnings),
        as_json=as_json,
        human=log_status_text(found, heads, warnings),
    )


@ledger.command()
@click.option("--dir", "directory", type=_DIRECTORY, required=True, help="State of the devnet.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_RPC_PORT,
    show_default=True,
    help="Port of the node on the loopback interface; 0 takes one that is free.",
)
@click.option("--anvil", type=_FILE, help="The anvil binary, if it is not to be looked for.")
@click.option("--ready-file", type=_FILE, help="Write the node's URL to this file once it is up.")
def devnet(*, directory: Path, port: int, anvil: Path | None, ready_file: Path | None) -> None:
    """Run an Ethereum devnet with a log on it, until interrupted.

    Writes network.toml and key, the secret key of an account with funds, to --dir. The chain is
    kept there from one run to the next.
    """
    from ledger.devnet import run_devnet  # noqa: PLC0415

    run_devnet(
        directory,
        port=port,
        anvil=anvil,
        ready_file=ready_file,
        service_url=f"http://127.0.0.1:{PORT}",
    )


@click.command()
@click.argument("did")
@click.option(
    "--network",
    type=INPUT_FILE,
    help="The log to read: network.toml of its operator. For did:keyborn alone.",
)
@index_option
@_block_option
@mirror_option
@click.option("--version-id", help="The version with this versionId.")
@click.option("--version-time", help="The version that was current then: 2026-01-31T12:00:00Z.")
@click.option("--did-web", is_flag=True, help="Fetch the document of a did:web from its host.")
@json_option
def resolve(
    *,
    did: str,
    network: Path | None,
    index: Path | None,
    block_hash: bytes | None,
    mirror: str | None,
    version_id: str | None,
    version_time: str | None,
    did_web: bool,
    as_json: bool,
) -> None:
    """Resolve a DID, reading the log yourself.

    The log is replayed and checked here; nobody's resolver is asked. A did:web is what its host
    says: with --did-web it is fetched over HTTPS, from public addresses alone.
    """
    from did.identifier import KeybornDid, parse_did  # noqa: PLC0415
    from did.key_documents import X25519_PREFIX  # noqa: PLC0415
    from did.web_identifier import WebDid  # noqa: PLC0415
    from ledger.network import load_network, with_mirror  # noqa: PLC0415
    from ledger.report import document_text, resolution_text  # noqa: PLC0415
    from ledger.resolving.methods import MethodResolver  # noqa: PLC0415
    from ledger.resolving.options import Options, read_time  # noqa: PLC0415
    from ledger.resolving.resolve import resolve_text  # noqa: PLC0415
    from ledger.resolving.web import WebResolver  # noqa: PLC0415

    if version_id is not None and version_time is not None:
        raise click.UsageError("--version-id and --version-time are two ways to name one thing")
    at = version_id if version_time is None else read_time(version_time)
    if did.startswith(X25519_PREFIX):  # a key to encrypt to, which is no DID that could act
        resolved = resolve_text(did, Options(at=at), MethodResolver(None))
        emit(resolved.to_json(), as_json=as_json, human=document_text(resolved.document))
        return
    parsed = parse_did(did)
    if isinstance(parsed, WebDid) and not did_web:
        raise click.UsageError(f"--did-web is needed to fetch {parsed.url}")
    if isinstance(parsed, KeybornDid) and network is None:
        raise click.UsageError("--network is needed to resolve a did:keyborn")
    with ExitStack() as stack:
        log = None
        if isinstance(parsed, KeybornDid) and network is not None:
            found = with_mirror(load_network(network), mirror)
            log = stack.enter_context(_reader(found, index, block_hash))
        web = WebResolver(public_https()) if isinstance(parsed, WebDid) else None
        resolution = MethodResolver(log, web).resolve(parsed, at=at)
    emit(resolution.to_json(), as_json=as_json, human=resolution_text(resolution))


def _reader(network: "Network", index: Path | None, block_hash: bytes | None) -> "LogReader":
    from ledger.network import open_reader, open_reader_at  # noqa: PLC0415

    if block_hash is None:
        return open_reader(network, index)
    if index is not None:
        raise click.UsageError("--block-hash reads into an index of its own: leave --index out")
    return open_reader_at(network, block_hash)
