"""What an issuer's operator does around a bench: makes claims, and looks at what was issued."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx
import orjson

from bench.newborn import Newborn
from did.errors import Invalid
from did.jcs import JsonObject
from did.keys import PublicKey
from did.openid4vci import parse_offer
from did.vc.formats import read_credential

_AT_ONCE: Final = 250  # claims in one request
_SECONDS: Final = 60.0
_WANTED: Final[JsonObject] = {"model": "bench-1", "owner": "Bench", "roles": ["sensor"]}


@dataclass(frozen=True, slots=True)
class Operator:
    """Who has an issuer's administration token.

    Attributes:
        url: The issuer's.
        folder: Its directory.
        key: The key that it signs with.
        did: Its DID.
    """

    url: str
    folder: Path
    key: PublicKey
    did: str
    _token: str

    @classmethod
    def of(cls, url: str, folder: Path) -> Self:
        """The operator of the issuer at this URL, which runs in ``folder``."""
        token = (folder / "admin.token").read_text().strip()
        answer = httpx.get(f"{url}/v1/admin/issuer", headers=_bearer(token))
        answer.raise_for_status()
        said = answer.json()
        key = PublicKey.from_multibase(said["key"])
        return cls(url, folder, key, said["did"], token)

    def offer(self) -> str:
        """The offer of a new claim, for one device."""
        return self._make([_WANTED])[0]

    def claims(self, count: int, progress: Callable[[int], object]) -> list[str]:
        """The codes of so many new claims, for one device each."""
        codes: list[str] = []
        while len(codes) < count:
            some = min(_AT_ONCE, count - len(codes))
            codes.extend(parse_offer(offer).code for offer in self._make([_WANTED] * some))
            progress(some)
        return codes

    def _make(self, claims: Sequence[JsonObject]) -> list[str]:
        answer = httpx.post(
            f"{self.url}/v1/admin/claims",
            content=orjson.dumps({"claims": claims}),
            headers={**_bearer(self._token), "content-type": "application/json"},
            timeout=_SECONDS,
        )
        answer.raise_for_status()
        return [str(each["offer"]) for each in orjson.loads(answer.content)["claims"]]

    def verify(self, kept: Iterable[tuple[Newborn, bytes]]) -> int:
        """How many of these answers hold the credential that is due; all of them, or it raises.

        Raises:
            Invalid: ``bench_wrong_credential``, or as ``read_credential``.
        """
        positions: set[tuple[str, int]] = set()
        count = 0
        for device, answer in kept:
            (entry,) = orjson.loads(answer)["credentials"]
            credential = read_credential(orjson.dumps(entry["credential"]))
            credential.proof.verify(self.key)
            subject = credential.subject
            if (subject.get("id"), credential.issuer.text) != (device.did, self.did):
                raise Invalid("bench_wrong_credential", "it is of another device, or issuer")
            entries = [(each.list_url, each.index) for each in credential.statuses]
            if not entries or positions.intersection(entries):
                raise Invalid("bench_wrong_credential", "it shares an entry of a status list")
            positions.update(entries)
            count += 1
        return count


def granted(store: Path) -> int:
    """How many credentials a SQLite store has granted."""
    with closing(sqlite3.connect(store)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM grants").fetchone()
    return int(count)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
