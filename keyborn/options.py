"""What several commands share: options, called the same everywhere, and how groups show."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from keyborn.configuration import FROM, config_option
from keyborn.inputs import StoreLocation
from keyborn.masking import as_lines, show_configuration
from keyborn.output import emit, json_option

if TYPE_CHECKING:
    import ssl

    from starlette.types import ASGIApp

    from keyborn.access import AccessLog
    from keyborn.chaos import Chaos
    from keyborn.door import Clients


class Group(click.Group):
    """A group whose help says what each of its commands does, in a whole sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click would cut what does not fit into a line."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, " ".join((command.help or "").partition("\n\n")[0].split()))
                    for name, command in commands.items()
                    if command is not None
                ]
            )


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a service listens, and to whom: what each ``serve`` command is told.

    The attributes are what ``keyborn.server.serve`` takes.
    """

    host: str
    port: int
    ready_file: Path | None
    tls: "ssl.SSLContext | None"
    clients: "Clients"
    access: "AccessLog"
    chaos: "Chaos | None" = None

    def serve(self, make_app: "Callable[[str], ASGIApp]") -> None:
        """Serve what ``make_app`` makes of the service's URL, as ``serve_named`` does."""
        from keyborn.server import serve_named  # noqa: PLC0415 - what it needs is slow to import

        serve_named(
            make_app,
            host=self.host,
            port=self.port,
            ready_file=self.ready_file,
            tls=self.tls,
            clients=self.clients,
            access=self.access,
            chaos=self.chaos,
        )


_Command = TypeVar("_Command", bound=Callable[..., Any])


def service_options(
    *, port: int, nonces: bool = False, tells_json: bool = False
) -> Callable[[_Command], _Command]:
    """Add what each ``serve`` command takes.

    The command gets ``listening``, and its log is configured when it is called. Each of its options
    can be in a file as well (``keyborn.configuration``).

    Args:
        port: The default port.
        nonces: Whether it gives out nonces, which ``--chaos`` could have it refuse.
        tells_json: Whether it prints data itself, and so gets ``as_json`` too.
    """
    options = (
        config_option(),
        click.option(
            "--show-config",
            is_flag=True,
            help="Print what is in effect, and where each value is from, and start nothing.",
        ),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind."),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            help="Port to bind; 0 takes one that is free.",
        ),
        click.option(
            "--ready-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the URL to this file once requests are answered.",
        ),
        click.option(
            "--tls-cert",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Serve HTTPS with this certificate chain (PEM).",
        ),
        click.option(
            "--tls-key",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The certificate's key (PEM, not encrypted), if it is in a file of its own.",
        ),
        click.option(
            "--rate",
            type=click.IntRange(0, 1_000_000),
            help="Requests per second of one client address, on average over 10 seconds; 0 for any"
            " number.  [default: 200, and any number from this machine]",
        ),
        click.option(
            "--rate-store",
            metavar="URL",
            help="Count together with all processes that use this Redis, redis://host:port/number."
            "  [default: each process counts for itself]",
        ),
        click.option(
            "--trusted-proxy",
            "trusted_proxies",
            metavar="ADDRESS",
            multiple=True,
            help="Believe the X-Forwarded-For of this reverse proxy, an address or a network, as to"
            " who its clients are; may be repeated.",
        ),
        click.option(
            "--metrics-from",
            "watchers",
            metavar="ADDRESS",
            multiple=True,
            help="Let this address or network read /metrics; may be repeated.  [default: this"
            " machine alone]",
        ),
        click.option(
            "--access-log",
            type=click.Choice(["all", "problems", "none"]),
            default="problems",
            show_default=True,
            help="Requests that are logged: all, none, or those that ended with an error or took"
            " a second.",
        ),
        click.option(
            "--log-json/--log-text",
            "log_json",
            default=None,
            help="Form of the log on stderr; by default JSON where that is no terminal.",
        ),
        click.option(
            "--chaos",
            metavar="HOW",
            help="To test clients with, never where it counts: fail at these rates, such as"
            f" {'refuse-nonces=0.1,' if nonces else ''}delay=0.2:0.5,drop-answers=0.05,seed=7.",
        ),
        json_option,
    )

    def add(command: _Command) -> _Command:
        @functools.wraps(command)
        def with_made(
            *,
            host: str,
            port: int,
            ready_file: Path | None,
            tls_cert: Path | None,
            tls_key: Path | None,
            rate: int | None,
            rate_store: str | None,
            trusted_proxies: tuple[str, ...],
            watchers: tuple[str, ...],
            access_log: str,
            log_json: bool | None,
            chaos: str | None,
            show_config: bool,
            as_json: bool,
            **given: object,
        ) -> object:
            if show_config:
                _show(as_json=as_json)
                return None
            if tls_cert is None and tls_key is not None:
                raise click.UsageError("--tls-key is the key of a certificate: give --tls-cert too")
            from keyborn import logs  # noqa: PLC0415 - only where something is served
            from keyborn.access import AccessLog  # noqa: PLC0415

            logs.configure(as_json=log_json)
            listening = Listening(
                host=host,
                port=port,
                ready_file=ready_file,
                tls=_context(tls_cert, tls_key),
                clients=_clients(rate, trusted_proxies, watchers, rate_store),
                access=AccessLog(access_log),
                chaos=_chaos(chaos, nonces=nonces),
            )
            told = {"as_json": as_json} if tells_json else {}
            return command(listening=listening, **told, **given)

        added = cast("_Command", with_made)
        for option in reversed(options):
            added = option(added)
        return added

    return add


store_option = click.option(
    "--store",
    type=StoreLocation(),
    metavar="URL",
    help="Its state: a file, or postgresql://user@host/database.  [default: a file in --dir]",
)


def _context(certificate: Path | None, key: Path | None) -> "ssl.SSLContext | None":
    if certificate is None:
        return None
    from keyborn.tls import server_context  # noqa: PLC0415 - only where it is used

    return server_context(certificate, key)


def _clients(
    rate: int | None, proxies: tuple[str, ...], watchers: tuple[str, ...], store: str | None
) -> "Clients":
    from keyborn.door import Clients  # noqa: PLC0415 - as above

    return Clients(rate, proxies, watchers, store)


def _chaos(how: str | None, *, nonces: bool) -> "Chaos | None":
    if how is None:
        return None
    from keyborn.chaos import read_chaos  # noqa: PLC0415 - as above

    return read_chaos(how, nonces=nonces)


def _show(*, as_json: bool) -> None:
    context = click.get_current_context()
    found = show_configuration(context, context.meta[FROM])
    emit(found, as_json=as_json, human=as_lines(found))
