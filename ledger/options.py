"""Options that several of the ledger's commands share: which log to read, and which key pays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from keyborn.inputs import INPUT_FILE

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
