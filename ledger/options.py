"""Options that several of the ledger's commands share: which log to read, and which key pays."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from keyborn.inputs import INPUT_FILE

if TYPE_CHECKING:
    from keyborn.public_https import PublicHttps

_BLOCK_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_Command = TypeVar("_Command", bound=Callable[..., Any])

network_option: Final = click.option(
    "--network",
    type=INPUT_FILE,
    required=True,
    help="The log to read: network.toml of its operator.",
)
index_option: Final = click.option(
    "--index",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep what was read in this file, for the next time.",
)
mirror_option: Final = click.option(
    "--mirror", help="A mirror, URL or folder: take the log's entries from there."
)


class BlockHash(click.ParamType[bytes]):
    """An Ethereum block's hash: ``0x`` and 64 hexadecimal digits."""

    name = "hash"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Its 32 bytes."""
        if not _BLOCK_HASH.fullmatch(value):
            self.fail("a block's hash is 0x and 64 hexadecimal digits", param, ctx)
        return bytes.fromhex(value[2:])


def key_options(command: _Command) -> _Command:
    """Add ``key_file`` and ``password_file``, for ``ledger.account.find_account``."""
    options = (
        click.option(
            "--key-file",
            type=INPUT_FILE,
            help="The secret key that pays, plain or encrypted (Web3 Secret Storage). "
            "Or in KEYBORN_REGISTRAR_KEY.",
        ),
        click.option(
            "--password-file",
            type=INPUT_FILE,
            help="The password of an encrypted key. Or in KEYBORN_REGISTRAR_PASSWORD.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def public_https() -> "PublicHttps":
    """How did:web is fetched: as whoever calls the command from code has it, such as a test."""
    from keyborn.public_https import PublicHttps  # noqa: PLC0415

    return click.get_current_context().find_object(PublicHttps) or PublicHttps()
