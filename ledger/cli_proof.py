"""``keyborn ledger prove`` and ``keyborn ledger check``: a DID's state as a file that travels."""

from pathlib import Path
from typing import Final

import click

from keyborn.inputs import INPUT_FILE
from keyborn.output import emit, json_option
from ledger.options import BlockHash, index_option, mirror_option, network_option

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("did")
@network_option
@index_option
@mirror_option
@click.option("--out", type=_FILE, help="Where to write the proof. [default: <id>.kbproof here]")
@click.option(
    "--finality",
    type=click.Choice(["finalized", "safe", "latest"]),
    default="finalized",
    show_default=True,
    help="How settled the head is to be that the proof ends with.",
)
@json_option
def prove(
    *,
    did: str,
    network: Path,
    index: Path | None,
    mirror: str | None,
    out: Path | None,
    finality: str,
    as_json: bool,
) -> None:
    """Write a file that proves a DID's operations to others, offline.

    It holds the operations with the batches that carry them, the chain of batch hashes up to a
    head, and what vouches for that head. Prints what it proves.
    """
    from did.identifier import parse_keyborn  # noqa: PLC0415 - not before it is needed: it is slow
    from did.multibase import base58_encode  # noqa: PLC0415
    from did.resolution import Finality  # noqa: PLC0415
    from keyborn.files import write_public  # noqa: PLC0415
    from ledger.network import load_network, open_reader, with_mirror  # noqa: PLC0415
    from ledger.state_proof.form import SUFFIX, encode_state_proof  # noqa: PLC0415
    from ledger.state_proof.making import make_state_proof  # noqa: PLC0415
    from ledger.state_proof.report import made, made_text  # noqa: PLC0415

    parsed = parse_keyborn(did)
    found = with_mirror(load_network(network), mirror)
    with open_reader(found, index) as reader:
        made_proof = make_state_proof(found, reader, parsed, Finality(finality))
    data = encode_state_proof(made_proof.proven.proof)
    path = out or Path(base58_encode(parsed.id) + SUFFIX)
    write_public(path, data)
    emit(
        made(made_proof, str(path), len(data)),
        as_json=as_json,
        human=made_text(made_proof, str(path), len(data)),
    )


@click.command()
@click.argument("file", type=INPUT_FILE)
@click.option(
    "--block-hash",
    type=BlockHash(),
    help="The Ethereum block that you believe: 0x and 64 digits.",
)
@click.option(
    "--network", type=INPUT_FILE, help="The log that you believe. Needed for an embedded ledger."
)
@click.option(
    "--log", "ask_log", is_flag=True, help="With --network: read the log too; has it the same?"
)
@click.option("--index", type=_FILE, help="With --log: keep what was read, for the next time.")
@click.option("--mirror", help="With --log: take its entries from this mirror, URL or folder.")
@json_option
def check(
    *,
    file: Path,
    block_hash: bytes | None,
    network: Path | None,
    ask_log: bool,
    index: Path | None,
    mirror: str | None,
    as_json: bool,
) -> None:
    """Check a proof of a DID's state, and say what it proves and what not.

    Offline, unless --log is given. A proof of a log on Ethereum is checked against --block-hash,
    one of an embedded ledger against the key in --network.
    """
    from ledger.state_proof.check import check_state_proof, compare_with_log  # noqa: PLC0415
    from ledger.state_proof.form import (  # noqa: PLC0415 - not before it is needed: it is slow
        FILE_BYTES,
        EmbeddedVoucher,
        decode_state_proof,
    )
    from ledger.state_proof.report import checked, checked_text  # noqa: PLC0415

    if ask_log and network is None:
        raise click.UsageError("--log needs --network")
    if not ask_log and (index is not None or mirror is not None):
        raise click.UsageError("--index and --mirror go with --log")
    found = None
    if network is not None:
        from ledger.network import (  # noqa: PLC0415 - only with one
            load_network,
            open_reader,
            with_mirror,
        )

        found = with_mirror(load_network(network), mirror)
    with file.open("rb") as opened:
        proof = decode_state_proof(opened.read(FILE_BYTES + 1))
    if isinstance(proof.voucher, EmbeddedVoucher):
        if found is None:
            raise click.UsageError("--network is needed: the proof is of an embedded ledger")
        if block_hash is not None:
            raise click.UsageError("an embedded ledger has no --block-hash")
    elif block_hash is None:
        raise click.UsageError("--block-hash is needed: the proof is of a log on Ethereum")
    proven = check_state_proof(
        proof,
        pin=None if found is None else found.pin,
        block_hash=block_hash,
    )
    heads = None
    if ask_log:
        assert found is not None
        with open_reader(found, index) as reader:
            heads = reader.sync()
            compare_with_log(
                proven,
                reader.versions(proof.id),
                heads.latest.sequence,
                reader.head_at(proven.head.sequence),
            )
    emit(checked(proven, heads), as_json=as_json, human=checked_text(proven, heads))
