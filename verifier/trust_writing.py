"""Writing trust roots: a new file, and the mark on a compromised key in one that people edit."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import tomli_w

from did.errors import Conflict, Invalid
from did.identifier import Did
from did.keys import PublicKey
from keyborn.files import write_public
from verifier.trust_file import load_trust_root, parse_trust_root
from verifier.trust_root import TrustedIssuer, TrustRoot

_HEAD: Final = """\
# Whom a verifier believes. Restart the verifiers that use this file when it has changed.

# The one log on which devices and issuers are registered.
"""
_ISSUERS: Final = """
# Who may issue what. Below "status" lie the issuer's status lists; [] is for an issuer that has
# none. "status_issuers" may sign these lists, too. "from" and "until" (times, optional) bound the
# validFrom of what is believed of it. Nothing that "compromised_keys" signed is believed.
"""
_POLICY: Final = """
# How settled the log must be, and how old, in seconds, what is decided on may be; max_status_age
# 0 asks for the status list each time. Optional: models = ["..."], roles = ["..."],
# refused_messages = ["..."].
"""

# An [[issuers]] table, up to the next table.
_SECTION: Final = re.compile(r"^[ \t]*\[\[issuers\]\](?:(?!^[ \t]*\[).|\n)*", re.MULTILINE)
_LIST: Final = re.compile(r"^[ \t]*compromised_keys[ \t]*=[ \t]*\[", re.MULTILINE)


def write_trust_root(path: Path, root: TrustRoot) -> None:
    """Put ``root`` at ``path`` with its explanations; there must be no file yet.

    Raises:
        Conflict: ``trust_root_exists``: somebody may have edited what is there.
        Invalid: ``invalid_trust_root``: it says what no trust root may say.
    """
    text = render(root)
    parse_trust_root(text)
    if path.exists():
        raise Conflict(
            "trust_root_exists",
            "there is a trust root already",
            value=str(path),
            hint="edit it, or write another with --out",
        )
    write_public(path, text.encode())


def render(root: TrustRoot) -> str:
    """``root`` as TOML, with its explanations."""
    issuers = [issuer.to_table() for issuer in root.issuers]
    return "".join(
        (
            _HEAD,
            tomli_w.dumps({"log": root.network.to_table()}),
            _ISSUERS,
            tomli_w.dumps({"issuers": issuers}),
            _POLICY,
            tomli_w.dumps({"policy": root.policy.to_table()}),
        )
    )


def mark_compromised(path: Path, key: PublicKey, *, issuer: Did | None = None) -> TrustRoot:
    """Add ``key`` to the compromised keys of an issuer in the file; all else stays as it stands.

    Marking a key twice changes nothing.

    Args:
        path: The trust root.
        key: What others may hold.
        issuer: Whose it is; may be left out where the trust root has one issuer.

    Returns:
        What the file says now.

    Raises:
        Invalid: ``issuer_not_named``; ``edit_by_hand``: the file is written in a way that this does
            not understand; or as ``load_trust_root``.
        Refused: ``untrusted_issuer``: the trust root does not have it.
    """
    root = load_trust_root(path)
    text = path.read_text("utf-8")
    entry = root.issuer(issuer.canonical) if issuer is not None else _only(root)
    if key in entry.compromised_keys:
        return root
    marked = replace(entry, compromised_keys=(key, *entry.compromised_keys))
    due = replace(
        root, issuers=tuple(marked if known is entry else known for known in root.issuers)
    )
    changed = _insert(text, entry.did.text, key.multibase)
    # The edit is textual, so that comments stay; what counts is that it reads as it should.
    if changed is None or not _reads_as(changed, due):
        raise Invalid(
            "edit_by_hand",
            "the trust root is not written as this command expects",
            value=str(path),
            hint=f'add "{key.multibase}" to compromised_keys of {entry.did.text} by hand',
        )
    write_public(path, changed.encode())
    return due


def _reads_as(text: str, root: TrustRoot) -> bool:
    try:
        return parse_trust_root(text) == root
    except Invalid:
        return False


def _only(root: TrustRoot) -> TrustedIssuer:
    if len(root.issuers) != 1:
        raise Invalid(
            "issuer_not_named",
            "the trust root has several issuers",
            hint="say whose key it is, with --issuer DID",
        )
    return root.issuers[0]


def _insert(text: str, did: str, key: str) -> str | None:
    """``text`` with ``key`` first in the list of the issuer ``did``; None where it has no place."""
    for section in _SECTION.finditer(text):
        named = re.search(
            rf'^[ \t]*did[ \t]*=[ \t]*"{re.escape(did)}".*$', section[0], re.MULTILINE
        )
        if named is None:
            continue
        listed = _LIST.search(section[0])
        if listed is None:
            at, added = section.start() + named.end(), f'\ncompromised_keys = ["{key}"]'
        else:
            at = section.start() + listed.end()
            added = {"]": f'"{key}"', "\n": f'\n    "{key}",'}.get(text[at], f'"{key}", ')
        return text[:at] + added + text[at:]
    return None
