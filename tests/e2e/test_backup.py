"""Backed up while devices enrol, killed, restored elsewhere: it goes on; nothing is given twice.

With SQLite by ``keyborn store backup``; with PostgreSQL by ``pg_dump`` and ``pg_restore``.
"""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import forked
import psycopg
import pytest
from databases import Server, binaries
from lives import write_trust
from mortal import SECONDS, Service, run

from keyborn.polling import poll

pytestmark = pytest.mark.e2e

FLEET = 24


class Site:
    """A ledger that stays, and an issuer and a verifier that are lost."""

    def __init__(self, folder: Path, server: Server | None) -> None:
        self.folder, self.server = folder, server
        self.database = None if server is None else server.empty()
        self.stack = ExitStack()
        self.network, self.trust = folder / "network.toml", folder / "trust.toml"
        self.ledger = self._service("ledger", folder, "--network-out", self.network)
        self.issuer = self.make("issuer", folder, self.database, "--network", self.network)
        self.verifier = self.make("verifier", folder, self.database, "--trust", self.trust)

    def make(
        self, name: str, place: Path, database: str | None, *words: str | Path, port: int = 0
    ) -> Service:
        """The service ``name`` whose directory is in ``place``; on the port of the one before."""
        made = self._service(name, place, *words)
        made._port = port or made._port
        if database is not None:
            url = ("--url", made.url) if name == "issuer" else ()
            made._words = (*made._words, "--store", database, *url)
        return made

    def _service(self, name: str, place: Path, *words: str | Path) -> Service:
        faults = place / f"{name}.faults"
        made = Service(name, "serve", "--dir", place / name, *words, faults=faults)
        return self.stack.enter_context(made)

    def dids_known(self) -> int:
        """How many devices the issuer's inventory has, by now."""
        listed = run("issuer", "devices", "list", "--dir", self.folder / "issuer")
        return len(listed.data["devices"])

    def device(self, name: str, place: Path | None = None) -> Path:
        """A device that is born, enrolled, registered."""
        directory = self.folder / name
        done(run("device", "init", "--dir", directory))
        offer = self.claim(place)
        done(run("device", "enroll", offer, "--dir", directory, *self._network()))
        done(run("device", "register", "--dir", directory, *self._network()))
        return directory

    def claim(self, place: Path | None = None) -> str:
        where = ("--dir", (place or self.folder) / "issuer")
        made = run("issuer", "claim", "create", *where, "--model", "m", "--owner", "o")
        offer: str = done(made)["offer"]
        return offer

    def present(self, device: Path) -> str | None:
        """The code of the error that a device gets from the verifier; None if it is admitted."""
        return run("device", "present", "--dir", device, "--verifier", self.verifier.url).error

    def _network(self) -> tuple[str | Path, ...]:
        return ("--network", self.network)


def done(outcome: Any) -> Any:
    assert outcome.exit_code == 0, outcome
    return outcome.data


def did_of(device: Path) -> str:
    did: str = done(run("device", "show", "--dir", device))["did"]
    return did


def program(name: str) -> Path:
    """One of PostgreSQL's, of the server's own version."""
    programs = binaries()
    assert programs is not None
    return (programs / "initdb").resolve().parent / name


def kill(service: Service) -> None:
    """End it without warning."""
    assert service._process is not None
    service._process.send_signal(signal.SIGKILL)
    service._process.wait(SECONDS)
    service._drained.join()
    service._process = None


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    server = request.getfixturevalue("server") if request.param == "postgresql" else None
    made = Site(tmp_path, server)
    with made.stack:
        made.ledger.start()
        made.issuer.start()
        write_trust(tmp_path, made.issuer)
        made.verifier.start()
        yield made


def test_a_site_goes_on_from_a_back_up(site: Site) -> None:
    before, revoked = site.device("before"), site.device("revoked")
    done(run("issuer", "devices", "revoke", did_of(revoked), "--dir", site.folder / "issuer"))
    assert (site.present(before), site.present(revoked)) == (None, "revoked")
    taken_later = site.claim()

    saved = enrol_and_back_up_meanwhile(site)
    late = site.folder / "late"
    done(run("device", "init", "--dir", late))
    done(run("device", "enroll", taken_later, "--dir", late, "--network", site.network))

    kill(site.issuer)
    kill(site.verifier)
    elsewhere = restore(site, saved)
    assert (site.present(before), site.present(revoked)) == (None, "revoked")
    thief = site.folder / "thief"
    done(run("device", "init", "--dir", thief))
    again = run("device", "enroll", taken_later, "--dir", thief, "--network", site.network)
    assert again.error == "claim_cancelled"
    after = [site.device(f"after-{number}", elsewhere) for number in range(5)]
    assert {site.present(device) for device in after} == {None}

    given = Counter(entry for device in devices_of(site) for entry in entries_of(device))
    assert len(given) == 2 * (FLEET + 3 + len(after))
    assert max(given.values()) == 1


def enrol_and_back_up_meanwhile(site: Site) -> Path:
    """A fleet enrols; when it is under way, both services are backed up, and then it goes on."""
    offers = site.folder / "offers.txt"
    offers.write_text("".join(f"{site.claim()}\n" for _ in range(FLEET)))
    known = site.dids_known()
    words = (
        *("fleet", "run", "--dir", site.folder / "fleet", "--count", str(FLEET)),
        *("--workers", "1", "--offers", offers, "--network", site.network),
        *("--issuer", site.issuer.url, "--verifier", site.verifier.url),
    )
    with Path(os.devnull).open("wb") as nothing:
        fleet = forked.start(*words, env=dict(os.environ), stdout=nothing, stderr=nothing)
    assert poll(lambda: site.dids_known() > known or None, SECONDS)
    saved = site.folder / "saved"
    saved.mkdir()
    if site.database is not None:
        dump = [program("pg_dump"), "--format=custom", f"--file={saved / 'dump'}", site.database]
        subprocess.run(dump, check=True)
    for name in ("issuer", "verifier"):
        done(run("store", "backup", site.folder / name, saved / name))
    assert fleet.wait(SECONDS) == 0
    assert site.dids_known() == known + FLEET
    return saved


def restore(site: Site, saved: Path) -> Path:
    """Both services, elsewhere, under their old URLs; where their directories are now."""
    place = site.folder / "elsewhere"
    database = None
    if site.server is not None:
        shutil.copytree(saved, place)
        database = site.server.empty()
        subprocess.run([program("pg_restore"), f"--dbname={database}", saved / "dump"], check=True)
        renewed = done(run("store", "restored", database))["renewed"]
        assert set(renewed) >= {"issuer", "verifier", "verifier requests", "verifier sessions"}
        inventory = devices_in(database)
    else:
        shutil.copytree(saved, place)
        network = ("--network", site.network)
        refused = run("issuer", "serve", "--dir", place / "issuer", *network)
        assert refused.error == "store_is_a_backup"
        kept = ("verifier.db", "openid4vp.db", "sessions.db")
        for store in ("issuer/issuer.sqlite", *(f"verifier/{each}" for each in kept)):
            done(run("store", "restored", place / store))
        inventory = None
    words: dict[str, tuple[str | Path, ...]] = {
        "issuer": ("--network", site.network),
        "verifier": ("--trust", site.trust),
    }
    for name, former in (("issuer", site.issuer), ("verifier", site.verifier)):
        made = site.make(name, place, database, *words[name], port=former._port)
        setattr(site, name, made)
        made.start()
    listed = done(run("issuer", "devices", "list", "--dir", place / "issuer"))["devices"]
    assert 2 < len(listed) < 2 + FLEET + 1
    assert inventory in (None, len(listed))
    return place


def devices_in(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM issuer.devices").fetchone()
    assert row is not None
    return int(row[0])


def devices_of(site: Site) -> list[Path]:
    """Every device that was ever enrolled, before, since and after."""
    return sorted(path.parent for path in site.folder.rglob("credentials") if any(path.iterdir()))


def entries_of(device: Path) -> list[tuple[str, str]]:
    """The entries of status lists that its credentials name."""
    found: list[tuple[str, str]] = []
    for path in (device / "credentials").glob("*.json"):
        statuses = json.loads(path.read_bytes()).get("credentialStatus", [])
        each_of = statuses if isinstance(statuses, list) else [statuses]
        found += [(each["statusListCredential"], each["statusListIndex"]) for each in each_of]
    return found
