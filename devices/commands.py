"""The commands of ``keyborn device``. Data goes to stdout; so do no secrets, unless asked for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from devices.agent import Agent, LedgerAccess, ledger_access
from devices.connections import Connections
from devices.errand import Errand
from devices.errand import run as carry_out
from devices.presenting import check_audience
from devices.report import as_text, describe
from devices.store import Store
from did.challenge import Challenge
from did.jcs import JsonObject, canonicalize
from did.limits import LIMITS
from did.openid4vci import Offer, parse_offer
from did.strict_json import parse_object
from keyborn.files import write_private
from keyborn.output import emit, json_option
from ledger.network import load_network

_FILE = click.Path(dir_okay=False, path_type=Path)
_MAX_OFFER_FILE = 8_192

directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The device's directory.",
)
network_option = click.option(
    "--network", "network_file", type=_FILE, help="The log to use; remembered from then on."
)
_next_option = click.option(
    "--next", "next_key", type=_FILE, help="The next key's file, if it is kept off the device."
)
_verifier_option = click.option("--verifier", help="URL of the verifier.")
_audience_option = click.option(
    "--audience", help="What the verifier calls itself, if that is not its URL."
)


@contextmanager
def opened(directory: Path) -> Iterator[Agent]:
    """The device in ``directory``, held for this one command."""
    store = Store.open(directory)
    with store.exclusive(), Connections() as connections:
        yield Agent(store, connections)


@contextmanager
def _on_ledger(agent: Agent, network_file: Path | None) -> Iterator[LedgerAccess]:
    network = agent.network(None if network_file is None else load_network(network_file))
    with ledger_access(network, agent.store.index) as ledger:
        yield ledger


def read_object(path: Path) -> JsonObject:
    """The JSON object in the file at ``path``."""
    with path.open("rb") as file:
        return parse_object(file.read(LIMITS.json_bytes + 1))


def read_offer(text: str) -> Offer:
    """The offer that ``text`` is: a URI, JSON, the name of a file with either, or - for stdin."""
    if text == "-":
        text = sys.stdin.read(_MAX_OFFER_FILE)
    elif not text.lstrip().startswith(("{", "openid-credential-offer:")):
        with Path(text).open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MAX_OFFER_FILE)
    return parse_offer(text)


@click.command()
@directory_option
@click.option(
    "--next-out", type=_FILE, help="Keep the next key in this file, to be taken off the device."
)
@json_option
def init(directory: Path, next_out: Path | None, *, as_json: bool) -> None:
    """Be born: make the keys and the DID, offline."""
    with Connections() as connections:
        agent = Agent.born(directory, connections, next_out=next_out)
        _emit(describe(agent), as_json=as_json)


@click.command()
@directory_option
@json_option
def show(directory: Path, *, as_json: bool) -> None:
    """Show what the device is and has; no secrets."""
    with opened(directory) as agent:
        _emit(describe(agent), as_json=as_json)


@click.command()
@directory_option
@json_option
def configuration(directory: Path, *, as_json: bool) -> None:
    """Print what the issuer configured, network secrets included."""
    with opened(directory) as agent:
        _emit(agent.configuration(), as_json=as_json)


@click.command()
@directory_option
@click.argument("offer", required=False)
@network_option
@click.option("--tx-code", help="The transaction code, where the offer needs one.")
@click.option("--issuer", help="The issuer that the offer must be of; allows http where named.")
@json_option
def enroll(
    directory: Path,
    offer: str | None,
    network_file: Path | None,
    tx_code: str | None,
    issuer: str | None,
    *,
    as_json: bool,
) -> None:
    """Get the credentials that OFFER grants: a URI, JSON, a file, or - for stdin.

    Interrupted, it goes on where it was; then OFFER may be left out.
    """
    claim = None if offer is None else read_offer(offer)
    with opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        agent.enroll(claim, ledger, tx_code=tx_code, issuer=issuer)
        _emit(describe(agent), as_json=as_json)


@click.command()
@directory_option
@network_option
@json_option
def register(directory: Path, network_file: Path | None, *, as_json: bool) -> None:
    """Put the DID on the log."""
    with opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        _emit(agent.register(ledger), as_json=as_json)


@click.command()
@directory_option
@_verifier_option
@click.option("--challenge", "challenge_file", type=_FILE, help="Answer the challenge in FILE.")
@click.option("--out", type=_FILE, help="With --challenge: write the presentation here.")
@_audience_option
@click.option(
    "--credential", "credential_file", type=_FILE, help="Present the credential in FILE instead."
)
@json_option
def present(
    directory: Path,
    *,
    verifier: str | None,
    challenge_file: Path | None,
    out: Path | None,
    audience: str | None,
    credential_file: Path | None,
    as_json: bool,
) -> None:
    """Present the credential to a verifier, or make the presentation for a given challenge."""
    if (verifier is None) == (challenge_file is None):
        raise click.UsageError("name either --verifier or --challenge")
    if out is not None and challenge_file is None:
        raise click.UsageError("--out goes with --challenge")
    credential = None if credential_file is None else read_object(credential_file)
    with opened(directory) as agent:
        if verifier is not None:
            _emit(
                agent.present(verifier, audience=audience, credential=credential), as_json=as_json
            )
            return
        assert challenge_file is not None
        challenge = Challenge.from_json(read_object(challenge_file))
        if audience is not None:
            check_audience(challenge, audience)
        presentation = agent.answer(challenge, credential)
    if out is None:
        click.echo(canonicalize(presentation))
        return
    write_private(out, canonicalize(presentation))
    _emit({"presentation": str(out)}, as_json=as_json)


@click.command()
@directory_option
@click.option("--audience", required=True, help="The issuer's URL.")
@click.option("--nonce", required=True, help="The c_nonce that the issuer gave.")
@json_option
def prove(directory: Path, audience: str, nonce: str, *, as_json: bool) -> None:
    """Print a possession proof (a JWT), to enrol by other means than this command."""
    with opened(directory) as agent:
        proof = agent.prove(audience=audience, nonce=nonce)
        emit({"proof": proof}, as_json=as_json, human=proof)


@click.command()
@directory_option
@network_option
@_next_option
@json_option
def rotate(
    directory: Path, network_file: Path | None, next_key: Path | None, *, as_json: bool
) -> None:
    """Make the next key the current one, on the log."""
    with opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        _emit(agent.rotate(ledger, next_key=next_key), as_json=as_json)


@click.command()
@directory_option
@network_option
@_next_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def deactivate(
    directory: Path,
    network_file: Path | None,
    next_key: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """End the DID, for good. Asks first, at a terminal."""
    with opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        if not yes and sys.stdin.isatty():
            click.confirm(f"End {agent.did.canonical} for good?", abort=True, err=True)
        _emit(agent.deactivate(ledger, next_key=next_key), as_json=as_json)


@click.command()
@directory_option
@click.argument("offer", required=False)
@network_option
@click.option("--tx-code", help="The transaction code, where the offer needs one.")
@click.option("--issuer", help="The issuer that the offer must be of; allows http where named.")
@_verifier_option
@_audience_option
@json_option
def run(
    directory: Path,
    *,
    offer: str | None,
    network_file: Path | None,
    tx_code: str | None,
    issuer: str | None,
    verifier: str | None,
    audience: str | None,
    as_json: bool,
) -> None:
    """Do whatever is missing next, from birth to being admitted by a verifier.

    Run it again after any interruption: what is done is not done twice.
    """
    claim = None if offer is None else read_offer(offer)
    with Connections() as connections:
        Agent.born(directory, connections)
    with opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        errand = Errand(claim, tx_code, issuer, verifier, audience)
        decided = carry_out(agent, ledger, errand, lambda step: click.echo(f"{step} ...", err=True))
        _emit({**describe(agent), "admitted": decided}, as_json=as_json)


def _emit(value: JsonObject, *, as_json: bool) -> None:
    emit(value, as_json=as_json, human=as_text(value))


DEVICE_COMMANDS: Final = (
    init,
    show,
    enroll,
    register,
    present,
    configuration,
    prove,
    rotate,
    deactivate,
    run,
)
