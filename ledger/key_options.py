"""The options by which a command is told the key that pays (``ledger.account``)."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from keyborn.inputs import INPUT_FILE

_Command = TypeVar("_Command", bound=Callable[..., Any])


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
