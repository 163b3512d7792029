"""From an empty folder to the last scene."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from demo import acts
from demo.stage import Stage
from demo.story import ACCEPTED, Result, Story, Teller
from demo.world import Gate, Issuer, World

FLEET_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Played:
    """All that came of it.

    Attributes:
        ledger: ``embedded`` or ``ethereum``.
        seconds: How long the whole took, services included.
        results: Every request of the story.
        gas: On Ethereum, the gas of the transaction of each registration in the story: what it
            cost at most, since the transaction may have carried another operation too.
        fleet: What ``keyborn fleet run`` reported; None without a fleet.
    """

    ledger: str
    seconds: float
    results: list[Result]
    gas: list[int]
    fleet: dict[str, Any] | None

    @property
    def as_expected(self) -> bool:
        """Whether everything went as it had to."""
        played_well = bool(self.results) and all(result.as_expected for result in self.results)
        return played_well and (self.fleet is None or self.fleet.get("failed") == 0)

    @property
    def accepted(self) -> int:
        """How many requests went through, as they had to."""
        return sum(r.expected == ACCEPTED and r.as_expected for r in self.results)

    @property
    def refused(self) -> int:
        """How many were turned away, each for its reason."""
        return sum(r.expected != ACCEPTED and r.as_expected for r in self.results)


def play(stage: Stage, teller: Teller, *, ledger: str, devices: int, quiet: bool) -> Played:
    """Play the story on a ``ledger`` of its own, then onboard a fleet of ``devices``."""
    start = time.monotonic()
    story = Story(teller)
    teller.chapter("The stage")
    world = World(stage, ledger)
    with ThreadPoolExecutor(2) as pool:
        coming = pool.submit(world.issuer, "rogue")
        acme = world.issuer("acme")
        rogue = coming.result()
        coming_gate = pool.submit(world.gate, "other-gate", acme)
        gate = world.gate("gate", acme)
        other = coming_gate.result()
    others = acts.Understudies(world, acme, rogue)
    cast = acts.power_on_to_trusted(story, world, acme, gate)
    acts.rotation(story, cast)
    bravo = acts.either_order(story, cast)
    acts.impostors(story, cast, bravo, other, others)
    acts.lifecycle(story, cast, bravo, others)
    others.close()
    acts.issuer_rotation(story, cast)
    fleet = _fleet(world, acme, gate, devices, quiet=quiet) if devices else None
    return Played(
        ledger,
        time.monotonic() - start,
        story.results,
        [r.data["gas"] for r in story.results if r.data.get("gas") and "is registered" in r.scene],
        fleet,
    )


def _fleet(world: World, acme: Issuer, gate: Gate, devices: int, *, quiet: bool) -> dict[str, Any]:
    folder = world.stage.folder
    rows, offers = folder / "fleet.csv", folder / "offers.json"
    rows.write_text("model,owner,roles\n" + "thermo-2,Acme Building Services,sensor\n" * devices)
    made = world.stage.must(
        *("issuer", "claim", "create", "--csv", rows, "--dir", acme.folder, "--url", acme.url)
    )
    offers.write_text(json.dumps(made))
    return world.stage.run(
        *("fleet", "run", "--count", str(devices), "--dir", folder / "fleet"),
        *("--network", world.network, "--offers", offers, "--verifier", gate.url),
        *("--workers", str(FLEET_WORKERS)),
        loud=not quiet,
    ).data
