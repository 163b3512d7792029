"""``keyborn ledger follow``."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keyborn.inputs import INPUT_FILE
from keyborn.output import json_option, printable
from ledger.options import mirror_option

if TYPE_CHECKING:
    from ledger.following.follower import Event, Follower, News
    from ledger.log import LogSource
    from ledger.network import Network

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_DIRECTORY: Final = click.Path(file_okay=False, path_type=Path)
_ANNOUNCED_POLL: Final = 30.0  # seconds between two looks at a log whose node tells of blocks


@click.command()
@click.option(
    "--network",
    type=INPUT_FILE,
    required=True,
    help="The log to follow: network.toml of its operator.",
)
@click.option("--index", type=_FILE, required=True, help="Keep what was read in this file.")
@mirror_option
@click.option("--mirror-out", type=_DIRECTORY, help="Keep a mirror of the log in this folder.")
@click.option(
    "--poll",
    type=click.FloatRange(0.05, 3600),
    default=4.0,
    show_default=True,
    help="Seconds between two looks at the log, where no node tells of new blocks.",
)
@click.option("--once", is_flag=True, help="Bring it up to date, and end.")
@json_option
def follow(
    *,
    network: Path,
    index: Path,
    mirror: str | None,
    mirror_out: Path | None,
    poll: float,
    once: bool,
    as_json: bool,
) -> None:
    """Keep an index in step with a log, until interrupted.

    Prints a line when the heads move, when the chain was reorganised, when the log cannot be read,
    and when it can be again; with --json a JSON document for each. What was final and is different
    now ends it with exit code 1. Other commands may use the same index meanwhile.
    """
    from ledger.following.follower import News, follow_once  # noqa: PLC0415 - not before it is needed: it is slow
    from ledger.following.follower import follow as run  # noqa: PLC0415
    from ledger.following.report import event_json, event_text  # noqa: PLC0415
    from ledger.network import load_network, with_mirror  # noqa: PLC0415

    def tell(event: "Event") -> None:
        if as_json:
            click.echo(printable(event_json(event)))
        else:
            text, is_data = event_text(event)
            click.echo(printable(text), err=not is_data)

    found = with_mirror(load_network(network), mirror)
    if mirror_out is not None and found.mirror == str(mirror_out.resolve()):
        raise click.UsageError("--mirror-out is the mirror that entries are taken from")
    news = News()
    with ExitStack() as opened:
        opened.enter_context(_stopped_by_signals(news))
        follower = _open(found, index, mirror_out, news, opened)
        if once:
            follow_once(follower, tell)
            return
        patience = _announcements(found, poll, news, opened)
        run(follower.step, news, tell, patience=patience)


def _open(
    network: "Network", index: Path, mirror_out: Path | None, news: "News", opened: ExitStack
) -> "Follower":
    from ledger.following.follower import Follower  # noqa: PLC0415 - as above
    from ledger.following.progress import Bars, WatchedLog  # noqa: PLC0415
    from ledger.index import Index  # noqa: PLC0415
    from ledger.mirror.keeping import MirroredLog  # noqa: PLC0415
    from ledger.network import open_source  # noqa: PLC0415
    from ledger.reader import LogReader  # noqa: PLC0415

    bars = Bars()
    source: LogSource = open_source(network, opened)
    kept = None
    if mirror_out is not None:
        fetched = WatchedLog(source, "fetch", bars, news)
        source = kept = opened.enter_context(MirroredLog(fetched, mirror_out))
    source = WatchedLog(source, "replay", bars, news)
    written = Index.open(index, network.log_id)
    reader = opened.enter_context(LogReader(source, written))
    return Follower(reader, written, mirror=kept)


def _announcements(
    network: "Network", poll: float, news: "News", opened: ExitStack
) -> Callable[[], float]:
    """Have the node tell of new blocks, if it does; how long to wait for it."""
    if not network.rpc:
        return lambda: poll
    from ledger.ethereum.new_heads import new_heads  # noqa: PLC0415 - only where it is used

    # ``http`` becomes ``ws``, and ``https`` becomes ``wss``.
    url = network.ws or network.rpc[0].replace("http", "ws", 1)
    subscription = opened.enter_context(new_heads(url, news.announce))
    return lambda: max(poll, _ANNOUNCED_POLL) if subscription.subscribed else poll


@contextmanager
def _stopped_by_signals(news: "News") -> Iterator[None]:
    def stop(*_: object) -> None:
        if news.stopping:  # and it has not ended, since something does not answer
            raise KeyboardInterrupt
        news.stop()

    stops = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, stop) for each in stops]
    try:
        yield
    finally:
        for each, handler in zip(stops, before, strict=True):
            signal.signal(each, handler)
