"""``keyborn ledger deploy``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from did.jcs import JsonObject
from keyborn.output import as_text, decimal, emit, json_option
from ledger.options import key_options

if TYPE_CHECKING:
    from ledger.ethereum.deploy import Deployment, Quote

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_ETHER: Final = 10**18
_GWEI: Final = 10**9
_SERVICE: Final = "http://127.0.0.1:8101"


@click.command()
@click.option("--rpc", required=True, help="URL of a node of the chain.")
@key_options
@click.option("--network-out", type=_FILE, help="Where to write network.toml. Must not exist.")
@click.option(
    "--url",
    "service_url",
    default=_SERVICE,
    show_default=True,
    help="Where a registrar is going to be, for network.toml.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 86_400),
    default=300.0,
    show_default=True,
    help="Seconds to wait until the contract stands in a block.",
)
@click.option(
    "--max-fee-gwei",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=50.0,
    show_default=True,
    help="Pay so much for a unit of gas at the most.",
)
@click.option("--dry-run", is_flag=True, help="Say what it would cost; sign and send nothing.")
@json_option
def deploy(
    *,
    rpc: str,
    key_file: Path | None,
    password_file: Path | None,
    network_out: Path | None,
    service_url: str,
    wait: float,
    max_fee_gwei: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put a new log on a chain, and write its network.toml.

    The contract has no owner: the key that pays gets no rights. What is interrupted is finished by
    the same command; the signed transaction is kept beside the network file until it stands in a
    block.
    """
    from ledger.account import find_account  # noqa: PLC0415
    from ledger.deployment import run_deploy  # noqa: PLC0415 - not before it is needed: it is slow
    from ledger.ethereum.deploy import quote  # noqa: PLC0415
    from ledger.ethereum.node import Node  # noqa: PLC0415

    if network_out is None and not dry_run:
        raise click.UsageError("--network-out is needed, or --dry-run")
    account = find_account(key_file, password_file, os.environ)
    ceiling = round(max_fee_gwei * _GWEI)
    with Node(rpc) as node:
        if network_out is None or dry_run:
            quoted = quote(node, account.address)
            told = _quoted(quoted, ceiling)
            if quoted.price > ceiling:
                click.echo(
                    f"Gas costs more than --max-fee-gwei, {max_fee_gwei:g}: nothing would be sent.",
                    err=True,
                )
        else:
            made = run_deploy(
                node,
                account,
                network=network_out,
                rpc=rpc,
                service_url=service_url,
                ceiling=ceiling,
                deadline=wait,
            )
            told = _deployed(made, network_out)
    emit(told, as_json=as_json, human=as_text(told))
    if network_out is not None and not dry_run and not as_json:
        click.echo(_next(network_out, key_file), err=True)


def _quoted(found: "Quote", ceiling: int) -> JsonObject:
    return {
        "chainId": found.chain_id,
        "contract": found.contract,
        "payer": found.sender,
        "gas": found.gas,
        "baseFeeGwei": decimal(found.base_fee, _GWEI),
        "priorityFeeGwei": decimal(found.tip, _GWEI),
        "costEther": decimal(found.cost, _ETHER),
        "balanceEther": decimal(found.balance, _ETHER),
        "missingEther": decimal(found.missing(ceiling), _ETHER),
        "sent": False,
    }


def _deployed(made: "Deployment", network: Path) -> JsonObject:
    return {
        "chainId": made.pin.chain_id,
        "contract": made.pin.contract,
        "logId": made.pin.log_id.hex(),
        "codeHash": made.pin.code_hash.hex(),
        "block": made.block_number,
        "transaction": made.transaction,
        "gas": made.gas,
        "network": str(network),
    }


def _next(network: Path, key_file: Path | None) -> str:
    key = "" if key_file is None else f" --key-file {key_file}"
    return f"""Hand {network} out: it pins the log. Next:
  keyborn ledger status --network {network}
  keyborn ledger serve --dir ledger --network {network}{key}"""
