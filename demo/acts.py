"""The acts of the story, in order. Every request goes through a command or over HTTP."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demo.stage import Outcome
from demo.story import Story
from demo.world import Device, Gate, Issuer, World, send
from did.errors import Unavailable

CONFIGURATION = {"wifi": {"ssid": "acme-plant-7", "psk": "correct horse battery staple"}}
FACTS = {"model": "thermo-2", "owner": "Acme Building Services", "role": "sensor"}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is on stage when the refusals begin."""

    world: World
    acme: Issuer
    gate: Gate
    alpha: Device


def power_on_to_trusted(story: Story, world: World, acme: Issuer, gate: Gate) -> Cast:
    """Born, claimed, provisioned, registered, challenged, accepted, rotated, accepted again."""
    story.chapter("From power-on to trusted")
    alpha = world.device("alpha")
    story.accept("alpha is born: makes its keys and its DID, offline", lambda: alpha.run("init"))
    offer: list[str] = []
    story.accept("an operator claims alpha", lambda: _claimed(world, acme, offer))
    story.accept(
        "alpha is provisioned: proves its key, gets its credentials",
        lambda: alpha.run("enroll", offer[0], "--network", world.network),
    )
    story.accept(
        "alpha opens its network secrets, which came encrypted, for it alone",
        lambda: _opened(alpha),
    )
    story.accept("alpha is registered on the ledger", alpha.register)
    story.accept("the gate challenges alpha, and believes it", lambda: alpha.present(gate))
    return Cast(world, acme, gate, alpha)


class Understudies:
    """Devices that are made ready behind the scenes, while the story goes on."""

    def __init__(self, world: World, acme: Issuer, rogue: Issuer) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._coming = {
            name: self._pool.submit(prepare, world.device(name))
            for name, prepare in {
                "charlie": lambda device: _ready(device, rogue),
                "bravo-again": lambda device: _ready(device, acme),
                "delta": lambda device: _ready(device, acme),
                "echo": lambda device: _ready(device, acme),
                "foxtrot": lambda device: _provisioned(device, acme),
            }.items()
        }

    def __getitem__(self, name: str) -> Device:
        """The device of that name, once it is ready."""
        return self._coming[name].result()

    def close(self) -> None:
        """Wait for what is still under way."""
        self._pool.shutdown()


def either_order(story: Story, cast: Cast) -> Device:
    """Registration before provisioning."""
    story.chapter("In either order")
    bravo = cast.world.device("bravo").born()
    story.accept("bravo is registered before anybody provisioned it", bravo.register)
    story.accept("bravo is provisioned afterwards", lambda: bravo.enrol(cast.acme, **FACTS))
    story.accept("the gate believes bravo", lambda: bravo.present(cast.gate))
    return bravo


def impostors(
    story: Story, cast: Cast, bravo: Device, other_gate: Gate, others: Understudies
) -> None:
    """What thieves and forgers try against the gate."""
    story.chapter("Impostors")
    alpha, gate = cast.alpha, cast.gate
    answer = alpha.answer(gate, "replay")
    story.accept("alpha's answer, sent once", lambda: send(gate, answer))
    story.refuse(
        "the same answer, replayed",
        "challenge_used",
        lambda: send(gate, answer),
        repaired=("a new answer to a new challenge", lambda: alpha.present(gate)),
    )
    elsewhere = alpha.answer(other_gate, "elsewhere")
    story.refuse(
        "an answer made for another verifier",
        "wrong_audience",
        lambda: send(gate, elsewhere),
        repaired=("that answer, at the verifier it is for", lambda: send(other_gate, elsewhere)),
    )
    tampered = _tampered(alpha.credential(), alpha.folder / "tampered.json")
    story.refuse(
        "a credential with another role written into it",
        "invalid_signature",
        lambda: alpha.present(gate, tampered),
        repaired=(
            "the credential as it was issued",
            lambda: alpha.present(gate, alpha.credential()),
        ),
    )
    charlie = others["charlie"]
    story.refuse(
        "a credential from an issuer that the gate does not trust",
        "untrusted_issuer",
        lambda: charlie.present(gate),
        repaired=(
            "the same device, provisioned by the issuer it trusts",
            lambda: _then(charlie.enrol(cast.acme, **FACTS), lambda: charlie.present(gate)),
        ),
    )
    story.refuse(
        "alpha's credential, presented by bravo",
        "holder_not_subject",
        lambda: bravo.present(gate, alpha.credential()),
        repaired=("bravo's own credential", lambda: bravo.present(gate)),
    )


def rotation(story: Story, cast: Cast) -> None:
    """A device changes its key; a thief has the old one."""
    story.chapter("Rotation")
    thief = cast.alpha.clone("thief")
    story.accept("alpha rotates its key", lambda: cast.alpha.run("rotate"))
    story.accept("the gate believes alpha's new key", lambda: cast.alpha.present(cast.gate))
    story.refuse(
        "a thief with a copy of alpha's old key",
        "key_superseded",
        lambda: thief.present(cast.gate),
        repaired=("alpha with its current key", lambda: cast.alpha.present(cast.gate)),
    )


def lifecycle(story: Story, cast: Cast, bravo: Device, others: Understudies) -> None:
    """Suspended, reinstated, revoked, deactivated, never registered."""
    story.chapter("Lifecycle")
    gate = cast.gate
    did = str(bravo.must("show")["did"])
    story.accept("the issuer suspends bravo", lambda: _operate(cast, "suspend", did))
    story.refuse(
        "bravo while it is suspended",
        "suspended",
        lambda: bravo.present(gate),
        repaired=(
            "bravo, reinstated",
            lambda: _then(_operate(cast, "reinstate", did), lambda: bravo.present(gate)),
        ),
    )
    story.accept("the issuer revokes bravo's credential", lambda: _operate(cast, "revoke", did))
    story.refuse(
        "bravo with its revoked credential",
        "revoked",
        lambda: bravo.present(gate),
        repaired=("bravo, born again with a new DID", lambda: others["bravo-again"].present(gate)),
    )
    delta, echo, foxtrot = others["delta"], others["echo"], others["foxtrot"]
    story.accept("delta is believed", lambda: delta.present(gate))
    story.accept("delta deactivates its DID, for good", lambda: delta.run("deactivate"))
    story.refuse(
        "delta with its deactivated DID",
        "deactivated",
        lambda: delta.present(gate),
        repaired=("a device whose DID is alive", lambda: echo.present(gate)),
    )
    story.refuse(
        "foxtrot, provisioned but never registered",
        "not_registered",
        lambda: foxtrot.present(gate),
        repaired=(
            "foxtrot, once it is registered",
            lambda: _then(foxtrot.register(), lambda: foxtrot.present(gate)),
        ),
    )


def issuer_rotation(story: Story, cast: Cast) -> None:
    """The issuer changes its key; then its old one turns out to be stolen."""
    story.chapter("The issuer's own key")
    alpha, acme = cast.alpha, cast.acme
    former = str(cast.world.stage.must("issuer", "info", *_admin(acme))["key"])
    story.accept(
        "the issuer rotates its key",
        lambda: cast.world.stage.run("issuer", "rotate", *_admin(acme)),
    )
    story.accept(
        "alpha's credential, signed by the issuer's former key", lambda: alpha.present(cast.gate)
    )
    wary = cast.world.gate("wary-gate", acme, compromised=former)
    story.refuse(
        "that credential, where the former key is marked compromised",
        "issuer_key_compromised",
        lambda: alpha.present(wary),
        repaired=(
            "alpha, provisioned anew under the issuer's new key",
            lambda: _then(alpha.enrol(acme, **FACTS), lambda: alpha.present(wary)),
        ),
    )


def _claimed(world: World, acme: Issuer, offer: list[str]) -> Outcome:
    configuration = world.stage.folder / "alpha-configuration.json"
    configuration.write_text(json.dumps(CONFIGURATION))
    offer.append(world.claim(acme, **FACTS, configuration=str(configuration)))
    return Outcome("accepted", {"offer": offer[0]})


def _opened(device: Device) -> Outcome:
    outcome = device.run("configuration")
    same = outcome.data == CONFIGURATION
    return outcome if same else Outcome("other_configuration", outcome.data)


def _admin(issuer: Issuer) -> tuple[str | Path, ...]:
    return ("--dir", issuer.folder, "--url", issuer.url)


def _operate(cast: Cast, command: str, did: str) -> Outcome:
    return cast.world.stage.run("issuer", "devices", command, did, *_admin(cast.acme))


def _tampered(credential: Path, copy: Path) -> Path:
    value = json.loads(credential.read_text())
    value["credentialSubject"]["roles"] = ["administrator"]
    copy.write_text(json.dumps(value))
    return copy


def _provisioned(device: Device, issuer: Issuer) -> Device:
    _must(device.born().enrol(issuer, **FACTS))
    return device


def _ready(device: Device, issuer: Issuer) -> Device:
    _must(_provisioned(device, issuer).register())
    return device


def _then(first: Outcome, second: Callable[[], Outcome]) -> Outcome:
    return second() if first.code == "accepted" else first


def _must(outcome: Outcome) -> None:
    if outcome.code != "accepted":
        raise Unavailable(outcome.code, outcome.why, step="make a device ready")
