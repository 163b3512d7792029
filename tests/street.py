"""A gatehouse and all around it on real sockets, now: for who comes through the front door."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from actors import DEVICE
from fastapi import FastAPI, Response
from gatehouse import Gatehouse, gatehouse
from operations import Life
from serving import serving

from did.challenge import Challenge
from did.jcs import JsonObject
from keyborn.clock import now
from ledger.embedded.routes import routes
from verifier.trust_root import Policy
from verifier.trust_writing import write_trust_root


@dataclass(frozen=True)
class Street:
    """A ledger and an issuer's status service that listen, a device, and a trust root file."""

    house: Gatehouse
    trust: Path
    device: Life
    credential: JsonObject

    def answer(self, challenge: Challenge) -> bytes:
        """The device's presentation."""
        return self.house.present(self.device, self.credential, challenge=challenge)


@contextmanager
def street(directory: Path) -> Iterator[Street]:
    with gatehouse(directory, start=now().replace(microsecond=0)) as house:
        app = FastAPI()
        app.include_router(routes(house.ledger))

        @app.get("/v1/status/{name}")
        def status(name: str) -> Response:
            served = house.statuses.served.get(f"{house.issuer.prefix}{name}")
            return Response(served, 404 if served is None else 200)

        with serving(app) as url:
            house.ledger_url = url
            house.issuer.prefix = f"{url}/v1/status/"
            house.issuer.publish()
            house.policy = Policy(max_status_age=timedelta(0))
            trust = directory / "trust.toml"
            write_trust_root(trust, house.trust_root())
            device = house.device(DEVICE)
            yield Street(house, trust, device, house.issuer.issue(DEVICE.short))
