"""The commands of ``keyborn device``. Secrets are printed by ``configuration`` and by no other.

What a command needs is imported when it runs: a device runs many small ones.
"""

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from did.errors import KeybornError
from did.jcs import JsonObject
from did.vc.securing import Format
from keyborn.inputs import INPUT_FILE, read_message, read_object, reading
from keyborn.output import as_text, emit, json_option, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devices.agent import Agent
    from devices.ledger_access import LedgerAccess
    from devices.obtaining import Patience
    from devices.presenting import Presented

_OUTPUT_FILE: Final = click.Path(dir_okay=False, path_type=Path)

_directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The device's directory.",
)
_network_option = click.option(
    "--network", "network_file", type=INPUT_FILE, help="The log to use; remembered from then on."
)
_next_option = click.option(
    "--next", "next_key", type=INPUT_FILE, help="The next key's file, if it is kept off the device."
)
_tx_code_option = click.option("--tx-code", help="The transaction code, where the offer needs one.")
_issuer_option = click.option(
    "--issuer", help="The issuer that the offer must be of; one named here may be without TLS."
)
_wait_option = click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=120,
    show_default=True,
    help="Seconds to wait for the issuer's operator, where the claim needs approval.",
)
_credential_format_option = click.option(
    "--format",
    "format_",
    type=click.Choice([format_.value for format_ in Format]),
    callback=lambda _context, _option, value: value and Format(value),
    help="Take the credentials in this format.  [default: ldp_vc]",
)
_verifier_option = click.option("--verifier", help="URL of the verifier.")
_audience_option = click.option(
    "--audience", help="What the verifier calls itself, if that is not its URL."
)

_format_option = click.option(
    "--format",
    "format_",
    type=click.Choice([format_.value for format_ in Format]),
    callback=lambda _context, _option, value: value and Format(value),
    help="Of the presentation.  [default: that of the credential]",
)


@click.command()
@_directory_option
@click.option(
    "--next-out",
    type=_OUTPUT_FILE,
    help="Put the next key into this file, to be taken off the device.",
)
@json_option
def init(directory: Path, next_out: Path | None, *, as_json: bool) -> None:
    """Be born: make the keys and the DID, offline."""
    _bear(directory, next_out)
    with _opened(directory) as agent:
        _emit(_described(agent), as_json=as_json)


@click.command()
@_directory_option
@json_option
def show(directory: Path, *, as_json: bool) -> None:
    """Show what the device is and has; no secrets."""
    with _opened(directory) as agent:
        _emit(_described(agent), as_json=as_json)


@click.command()
@_directory_option
@json_option
def configuration(directory: Path, *, as_json: bool) -> None:
    """Print what the issuer configured, network secrets included."""
    with _opened(directory) as agent:
        _emit(agent.configuration(), as_json=as_json)


@click.command()
@_directory_option
@click.argument("offer", required=False)
@_network_option
@_tx_code_option
@_issuer_option
@_credential_format_option
@_wait_option
@json_option
def enroll(
    directory: Path,
    *,
    offer: str | None,
    network_file: Path | None,
    tx_code: str | None,
    issuer: str | None,
    format_: Format | None,
    wait: int,
    as_json: bool,
) -> None:
    """Get the credentials that OFFER grants: a URI, JSON, a file, or - for stdin.

    Interrupted, it goes on where it was; OFFER may then be left out. So it does where it waited for
    the issuer's operator to approve the device, and that took too long.
    """
    from devices.inputs import read_offer  # noqa: PLC0415

    claim = None if offer is None else read_offer(offer)
    if claim is None and format_ is not None:
        raise click.UsageError("--format goes with OFFER")
    with _opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        agent.enroll(
            claim,
            ledger,
            tx_code=tx_code,
            issuer=issuer,
            format_=format_,
            patience=_patience(wait),
        )
        _emit(_described(agent), as_json=as_json)


@click.command()
@_directory_option
@_network_option
@json_option
def register(directory: Path, network_file: Path | None, *, as_json: bool) -> None:
    """Put the DID on the log, and wait until it is final there."""
    with _opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        _emit(agent.register(ledger).to_json(), as_json=as_json)


@click.command()
@_directory_option
@_verifier_option
@click.option(
    "--challenge", "challenge_file", type=INPUT_FILE, help="Answer the challenge in FILE."
)
@click.option("--out", type=_OUTPUT_FILE, help="With --challenge: write the presentation here.")
@_audience_option
@click.option(
    "--credential",
    "credential_file",
    type=INPUT_FILE,
    help="Present the credential in FILE instead.",
)
@_format_option
@json_option
def present(
    directory: Path,
    *,
    verifier: str | None,
    challenge_file: Path | None,
    out: Path | None,
    audience: str | None,
    credential_file: Path | None,
    format_: Format | None,
    as_json: bool,
) -> None:
    """Present the credential to a verifier, or make the presentation for a given challenge."""
    if (verifier is None) == (challenge_file is None):
        raise click.UsageError("name either --verifier or --challenge")
    if out is not None and challenge_file is None:
        raise click.UsageError("--out goes with --challenge")
    credential = None if credential_file is None else _credential(credential_file)
    with _opened(directory) as agent:
        if verifier is not None:
            decided = agent.present(
                verifier, audience=audience, credential=credential, format=format_
            )
            _emit(decided if as_json else _brief(decided), as_json=as_json)
            return
        assert challenge_file is not None
        presentation = _answer(agent, challenge_file, audience, credential, format_)
    if out is None:
        # A COSE message has no line to end.
        click.echo(presentation.data, nl=presentation.format is not Format.VC_COSE)
        return
    from keyborn.files import write_private  # noqa: PLC0415

    write_private(out, presentation.data)
    _emit({"presentation": str(out)}, as_json=as_json)


@click.command()
@_directory_option
@click.argument("request")
@_network_option
@click.option("--verifier", "pinned", help="The verifier's DID; a request of another is refused.")
@click.option("--did-web", is_flag=True, help="Answer a did:web too, believing its host.")
@click.option("--optional", is_flag=True, help="Present what is asked for and not required, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def answer(
    directory: Path,
    *,
    request: str,
    network_file: Path | None,
    pinned: str | None,
    did_web: bool,
    optional: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Answer a verifier's REQUEST: a link, openid4vp://?..., or - for stdin (OpenID4VP 1.0).

    Shows on stderr who asks, and what is presented. Asks first, at a terminal, also before it says
    that nothing here answers the request.
    """
    from devices.inputs import read_request_link  # noqa: PLC0415
    from devices.openid4vp.holder import answer_link  # noqa: PLC0415
    from did.openid4vp.client_id import parse_pin  # noqa: PLC0415
    from ledger.options import public_https  # noqa: PLC0415
    from ledger.resolving.web import WebResolver  # noqa: PLC0415

    link = read_request_link(request)
    try:
        only = None if pinned is None else parse_pin(pinned)
    except KeybornError as error:
        raise error.at("--verifier") from error

    def agree(shown: JsonObject) -> bool:
        click.echo(printable(as_text(shown), keep="\n"), err=True)
        if yes or not _at_a_terminal():
            return True
        if shown["presents"]:
            return click.confirm("Present this?", err=True)
        question = "Nothing is presented. Press Enter to tell the verifier so, and no more"
        click.prompt(question, default="", show_default=False, err=True)
        return True

    with _opened(directory) as agent, ExitStack() as ledgers:
        said = answer_link(
            agent,
            link,
            resolver=lambda: ledgers.enter_context(_on_ledger(agent, network_file)).reader,
            web=WebResolver(public_https()).document if did_web else None,
            pinned=only,
            optional=optional,
            agree=agree,
        )
        _emit(said, as_json=as_json)


@click.command()
@_directory_option
@click.option("--audience", required=True, help="The issuer's URL.")
@click.option("--nonce", required=True, help="The c_nonce that the issuer gave.")
@json_option
def prove(directory: Path, *, audience: str, nonce: str, as_json: bool) -> None:
    """Print a possession proof (a JWT), to enrol by other means than this command."""
    with _opened(directory) as agent:
        proof = agent.prove(audience=audience, nonce=nonce)
        emit({"proof": proof}, as_json=as_json, human=proof)


@click.command()
@_directory_option
@_network_option
@_next_option
@json_option
def rotate(
    directory: Path, *, network_file: Path | None, next_key: Path | None, as_json: bool
) -> None:
    """Make the next key the current one, and wait until that is final on the log."""
    with _opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        agent.rotate(
            ledger,
            next_key=next_key,
            tell=lambda rotated: _emit(rotated.to_json(), as_json=as_json),
        )


@click.command()
@_directory_option
@_network_option
@_next_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def deactivate(
    directory: Path,
    *,
    network_file: Path | None,
    next_key: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """End the DID, for good. Asks first, at a terminal."""
    with _opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        if not yes and _at_a_terminal():
            click.confirm(f"End {agent.did.canonical} for good?", abort=True, err=True)
        _emit(agent.deactivate(ledger, next_key=next_key).to_json(), as_json=as_json)


@click.command()
@_directory_option
@click.argument("offer", required=False)
@_network_option
@_tx_code_option
@_issuer_option
@_verifier_option
@_audience_option
@_credential_format_option
@_wait_option
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
    format_: Format | None,
    wait: int,
    as_json: bool,
) -> None:
    """Do whatever is missing next, from birth to being admitted by a verifier.

    Run it again after any interruption: what is done is not done twice.
    """
    from devices.errand import Errand, carry_out  # noqa: PLC0415
    from devices.inputs import read_offer  # noqa: PLC0415

    claim = None if offer is None else read_offer(offer)
    errand = Errand(
        claim,
        tx_code,
        issuer,
        verifier,
        audience,
        format_=format_,
        patience=_patience(wait),
    )
    _bear(directory, None)
    with _opened(directory) as agent, _on_ledger(agent, network_file) as ledger:
        decided = carry_out(agent, ledger, errand, lambda step: click.echo(f"{step} ...", err=True))
        if decided is not None and not as_json:
            decided = _brief(decided)
        _emit({**_described(agent), "admitted": decided}, as_json=as_json)


def _patience(seconds: int) -> "Patience":
    from devices.obtaining import Patience  # noqa: PLC0415

    return Patience(seconds, lambda text: click.echo(f"{text} ...", err=True))


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _bear(directory: Path, next_out: Path | None) -> None:
    from devices.agent import Agent  # noqa: PLC0415
    from devices.connections import Connections  # noqa: PLC0415

    with Connections() as connections:
        Agent.born(directory, connections, next_out=next_out)


@contextmanager
def _opened(directory: Path) -> "Iterator[Agent]":
    """The device in ``directory``, held for this one command."""
    from devices.agent import Agent  # noqa: PLC0415
    from devices.connections import Connections  # noqa: PLC0415
    from devices.store import Store  # noqa: PLC0415

    store = Store.open(directory)
    with store.exclusive(), Connections() as connections:
        yield Agent(store, connections)


@contextmanager
def _on_ledger(agent: "Agent", network_file: Path | None) -> "Iterator[LedgerAccess]":
    from devices.ledger_access import ledger_access  # noqa: PLC0415
    from ledger.network import load_network  # noqa: PLC0415

    network = agent.network(None if network_file is None else load_network(network_file))
    with ledger_access(network, agent.store.index) as ledger:
        yield ledger


def _credential(path: Path) -> JsonObject:
    from did.vc.formats import as_json, read_credential  # noqa: PLC0415

    with reading(path):
        credential = read_credential(read_message(path))
        return as_json(credential.to_bytes(), credential.format)


def _answer(
    agent: "Agent",
    challenge_file: Path,
    audience: str | None,
    credential: JsonObject | None,
    format_: Format | None,
) -> "Presented":
    from devices.presenting import check_audience  # noqa: PLC0415
    from did.challenge import Challenge  # noqa: PLC0415

    with reading(challenge_file):
        challenge = Challenge.from_json(read_object(challenge_file))
    if audience is not None:
        check_audience(challenge, audience)
    return agent.answer(challenge, credential, format=format_)


def _described(agent: "Agent") -> JsonObject:
    from devices.report import describe  # noqa: PLC0415

    return describe(agent)


def _brief(decided: JsonObject) -> JsonObject:
    from devices.report import without_steps  # noqa: PLC0415

    return without_steps(decided)


def _emit(value: JsonObject, *, as_json: bool) -> None:
    emit(value, as_json=as_json, human=as_text(value))


DEVICE_COMMANDS: Final = (
    init,
    show,
    enroll,
    register,
    present,
    answer,
    configuration,
    prove,
    rotate,
    deactivate,
    run,
)
