"""The commands ``keyborn verifier ...`` and ``keyborn verify``."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from did.challenge import Challenge
from did.errors import KeybornError
from did.identifier import parse_did
from did.jcs import JsonObject, canonicalize
from did.limits import LIMITS
from did.strict_json import parse_object
from did.vc.enveloping import PRESENTATION
from did.vc.recognition import kind_of
from keyborn.clock import now
from keyborn.inputs import INPUT_FILE, read_object, reading, without_line_end
from keyborn.options import Group, Listening, service_options, store_option
from keyborn.output import emit, json_option, printable
from keyborn.storage.locations import is_file, locate
from verifier.challenges import LIFETIME, ChallengeBook
from verifier.conclusion import AuthenticatedDevice
from verifier.decision import Trail
from verifier.opening import verifier_at
from verifier.report import checklist, refusal
from verifier.sessions.session import LIFETIME as SESSION_LIFETIME
from verifier.sessions.session import MAX_LIFETIME
from verifier.store import open_store
from verifier.trust_commands import mark, trust
from verifier.trust_file import load_trust_root
from verifier.verifier import VerifiedCredential

if TYPE_CHECKING:
    from fastapi import FastAPI


_DIRECTORY: Final = click.Path(file_okay=False, path_type=Path)
_PORT: Final = 8103

_trust_option = click.option(
    "--trust", "trust_file", type=INPUT_FILE, required=True, help="The trust root."
)
_lifetime_option = click.option(
    "--challenge-lifetime",
    "lifetime",
    type=click.IntRange(1, 86_400),
    default=int(LIFETIME.total_seconds()),
    show_default=True,
    help="Seconds that a device has to answer.",
)


@click.group(cls=Group)
def verifier() -> None:
    """Decide whom to let in: trust roots, challenges, and the service."""


@verifier.command()
@_trust_option
@click.option("--dir", "directory", type=_DIRECTORY, required=True, help="What it remembers.")
@click.option("--audience", help="Its name, as devices know it.  [default: its own URL]")
@click.option("--url", "public", help="Its URL, as devices reach it.  [default: where it listens]")
@click.option(
    "--did", help="The DID that asks by OpenID4VP; did:web:HOST#KEY.  [default: one of its own]"
)
@click.option("--did-key", "key_file", type=INPUT_FILE, help="The file with that DID's key.")
@_lifetime_option
@click.option(
    "--session-lifetime",
    type=click.IntRange(1, int(MAX_LIFETIME.total_seconds())),
    default=int(SESSION_LIFETIME.total_seconds()),
    show_default=True,
    help="Seconds that a session lasts at most; it never outlives what was presented.",
)
@click.option(
    "--vc-api",
    is_flag=True,
    help="Verify proofs posted to /credentials/verify and /presentations/verify too, for whoever"
    " has the token in DIR/vc-api.token.",
)
@store_option
@service_options(port=_PORT, nonces=True)
def serve(
    *,
    trust_file: Path,
    directory: Path,
    audience: str | None,
    public: str | None,
    did: str | None,
    key_file: Path | None,
    lifetime: int,
    session_lifetime: int,
    vc_api: bool,
    store: str | None,
    listening: Listening,
) -> None:
    """Ask devices over HTTP and decide on what they present, also by OpenID4VP 1.0.

    An admitted device may open a session, which a reverse proxy asks about at /auth.
    """
    from verifier.app import create_app  # noqa: PLC0415 - only where it is used
    from verifier.openid4vp.serving import add_openid4vp  # noqa: PLC0415 - only where it is used
    from verifier.sessions.admission import Sessions  # noqa: PLC0415 - only where it is used
    from verifier.sessions.store import open_sessions  # noqa: PLC0415 - only where it is used

    if (did is None) != (key_file is None):
        raise click.UsageError("--did and --did-key go together")
    named = None if did is None or key_file is None else (did, key_file)
    root = load_trust_root(trust_file)
    # A file holds one kind of store; sessions and requests have files of their own beside it.
    shared = None if store is None or is_file(locate(store)) else store
    with ExitStack() as stack:

        def make_app(url: str) -> "FastAPI":
            at = public or url
            opened = stack.enter_context(
                verifier_at(
                    root,
                    directory,
                    audience=audience or at,
                    challenge_lifetime=timedelta(seconds=lifetime),
                    store=store,
                    chaos=listening.chaos,
                )
            )
            sessions = Sessions(
                opened,
                stack.enter_context(open_sessions(directory, shared)),
                lifetime=timedelta(seconds=session_lifetime),
            )
            token = _vc_api_token(directory) if vc_api else None
            app = create_app(opened, vc_api_token=token, sessions=sessions)
            add_openid4vp(
                app,
                opened,
                directory,
                url=at,
                named=named,
                now=now,
                stack=stack,
                store=shared,
            )
            return app

        listening.serve(make_app)


def _vc_api_token(directory: Path) -> str:
    from keyborn.tokens import admin_token  # noqa: PLC0415 - only where it is used

    path = directory / "vc-api.token"
    token = admin_token(path)
    if token.fresh:
        click.echo(f"VC-API token, shown this once and kept in {path}: {token.text}", err=True)
    return token.text


@verifier.command()
@click.option("--dir", "directory", type=_DIRECTORY, required=True, help="What it remembers.")
@click.option("--audience", required=True, help="The verifier's name, a URL.")
@click.option("--did", help="The one DID that may answer.  [default: any]")
@_lifetime_option
@store_option
@json_option
def challenge(
    *,
    directory: Path,
    audience: str,
    did: str | None,
    lifetime: int,
    store: str | None,
    as_json: bool,
) -> None:
    """Make a challenge, which a device answers with a presentation.

    Whoever runs with the same --dir and --audience takes the answer, once.
    """
    who = None if did is None else parse_did(did)
    with closing(open_store(directory, store)) as opened:
        book = ChallengeBook(store=opened, audience=audience, lifetime=timedelta(seconds=lifetime))
        made = book.issue(at=now(), did=who).to_json()
    emit(made, as_json=as_json, human=canonicalize(made).decode())


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_trust_option
@click.option(
    "--challenge", "asked", help="What the presentation answers: a challenge's file, or its text."
)
@click.option("--audience", help="The verifier's name; a challenge's file has it.")
@click.option(
    "--dir", "directory", type=_DIRECTORY, help="What the verifier remembers.  [default: nothing]"
)
@json_option
def verify(
    *,
    file: str,
    trust_file: Path,
    asked: str | None,
    audience: str | None,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Verify the presentation or the credential in FILE ("-": stdin), by a trust root.

    It may be in any format: JSON, a JWT, or a COSE message.

    A presentation answers a challenge: give it with --challenge, or let --dir and --audience tell
    that the challenge was made there. A credential alone says nothing of who hands it over.
    """
    with click.open_file(file, "rb") as opened:
        data = without_line_end(opened.read(LIMITS.envelope + 1))
    with reading(file):
        is_presentation = kind_of(data) is PRESENTATION
    if not is_presentation and (asked is not None or audience is not None):
        raise click.UsageError("a credential answers no challenge; a presentation does")
    given = _given_challenge(asked, audience)
    if is_presentation and given is None and (directory is None or audience is None):
        raise click.UsageError(
            "a presentation answers a challenge: give --challenge, or --dir and --audience"
        )
    root = load_trust_root(trust_file)
    trail = Trail()
    at = now()
    name = given.audience if given is not None else audience or "urn:keyborn:verify"
    with _remembering(directory) as place, verifier_at(root, place, audience=name) as judge:
        try:
            if not is_presentation:
                found = _credential_json(judge.verify_credential(data, at=at, trail=trail))
            elif given is not None:
                found = _device_json(judge.verify(data, challenge=given, at=at, trail=trail))
            else:
                found = _device_json(judge.admit(data, at=at, trail=trail))
        except KeybornError as error:
            if error.code == "wrong_challenge" and given is not None and given.nonce == asked:
                error.hint = "give the challenge's file; --challenge names none, and was compared"
            emit(refusal(trail.steps, error), as_json=as_json, human=checklist(trail.steps))
            raise
    emit(found, as_json=as_json, human=f"{checklist(trail.steps)}\n{_verdict(found)}")


@contextmanager
def _remembering(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        yield directory
        return
    click.echo(
        "nothing is remembered without --dir: not that the challenge was used, nor the newest log"
        " and status lists that were seen",
        err=True,
    )
    with tempfile.TemporaryDirectory(prefix="keyborn-verify-") as place:
        yield Path(place)


def _given_challenge(asked: str | None, audience: str | None) -> Challenge | None:
    """The challenge of ``--challenge``: a file, its JSON, or the bare nonce beside an audience."""
    if asked is None:
        return None
    given = _stated_challenge(asked)
    if given is not None:
        if audience is not None and audience != given.audience:
            raise click.UsageError(f"the challenge is of {given.audience}, not of {audience}")
        return given
    if audience is None:
        raise click.UsageError(
            "--challenge is not a file; if it is a challenge's text, give --audience too"
        )
    # No end is known of a bare nonce; with --dir, once used it stays used.
    return Challenge(asked.strip(), audience, datetime.max.replace(tzinfo=UTC))


def _stated_challenge(asked: str) -> Challenge | None:
    """The challenge as JSON, in ``asked`` itself or in the file of that name; else None."""
    if asked.lstrip().startswith("{"):
        return Challenge.from_json(parse_object(asked.encode()))
    if not os.path.exists(asked):  # noqa: PTH110 - Path.exists raises where a name is too long
        return None
    if Path(asked).is_dir():
        raise click.UsageError(f"--challenge is a folder: {asked}")
    with reading(asked):
        return Challenge.from_json(read_object(Path(asked)))


def _device_json(device: AuthenticatedDevice) -> JsonObject:
    return {"device": device.to_json(), "decision": device.decision.to_json()}


def _credential_json(verified: VerifiedCredential) -> JsonObject:
    return {
        "credential": verified.credential.document,
        "decision": verified.decision.to_json(),
    }


def _verdict(found: JsonObject) -> str:
    device = found.get("device")
    if not isinstance(device, dict):
        return "accepted: the credential is to be believed; who hands it over is not known"
    said = [
        f"{name} {printable(str(device[name]))}" for name in ("model", "owner") if name in device
    ]
    return ", ".join([f"accepted: {device['did']}", *said])


verifier.add_command(trust)
verifier.add_command(mark)
