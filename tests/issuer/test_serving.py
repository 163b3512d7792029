"""A whole issuer from its directory, against a ledger service on a socket."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from issuing import AtOnce
from serving import serving

from did.errors import Conflict, Invalid, Undecided
from issuer.serving import running
from issuer.status_terms import StatusTerms
from keyborn.http import install
from ledger.embedded.routes import routes as log_routes
from ledger.embedded.store import EmbeddedLedger
from ledger.network import Network
from ledger.registrar.routes import routes as registrar_routes

STATUSES = StatusTerms(ttl=timedelta(seconds=60))


@contextmanager
def network(directory: Path) -> Iterator[Network]:
    app = FastAPI()
    install(app)
    with EmbeddedLedger(directory) as ledger:
        app.include_router(log_routes(ledger))
        app.include_router(registrar_routes(AtOnce(ledger)))
        with serving(app) as url:
            yield Network(ledger.pin, url)


def test_starts_and_starts_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://issuer.example"
    directory = tmp_path / "issuer"
    seen = []
    with network(tmp_path / "ledger") as net:
        for _ in range(2):
            with (
                running(net, directory, url=url, statuses=STATUSES) as make_app,
                serving(make_app("http://127.0.0.1:1")) as address,
            ):
                token = (directory / "admin.token").read_text().strip()
                headers = {"authorization": f"Bearer {token}"}
                seen.append(httpx.get(f"{address}/v1/admin/issuer", headers=headers).json())
                shown = capsys.readouterr()
                assert (token in shown.err) == (len(seen) == 1)
                assert shown.out == ""
    assert seen[0] == seen[1]
    assert seen[0]["registered"] is True
    assert seen[0]["url"] == url == (directory / "url").read_text().strip()
    for path in (directory, *directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_is_named_by_where_it_listens_unless_told(tmp_path: Path) -> None:
    with (
        network(tmp_path / "ledger") as net,
        running(net, tmp_path / "issuer", url=None, statuses=STATUSES) as make_app,
        serving(make_app("http://127.0.0.1:7")) as address,
    ):
        told = httpx.get(f"{address}/.well-known/openid-credential-issuer").json()
        assert told["credential_issuer"] == "http://127.0.0.1:7"


def test_does_not_start_for_the_first_time_without_the_ledger(tmp_path: Path) -> None:
    with network(tmp_path / "ledger") as net:
        pass
    for _ in range(2):
        with (
            running(net, tmp_path / "issuer", url=None, statuses=STATUSES) as make_app,
            pytest.raises(Undecided),
        ):
            make_app("http://127.0.0.1:7")


def test_starts_again_without_the_ledger(tmp_path: Path) -> None:
    with (
        network(tmp_path / "ledger") as net,
        running(net, tmp_path / "issuer", url=None, statuses=STATUSES) as make_app,
    ):
        make_app("http://127.0.0.1:7")
    with (
        running(net, tmp_path / "issuer", url=None, statuses=STATUSES) as make_app,
        serving(make_app("http://127.0.0.1:7")) as address,
    ):
        assert httpx.post(f"{address}/nonce").status_code == 200


def test_refuses_a_url_that_cannot_name_it(tmp_path: Path) -> None:
    with (
        network(tmp_path / "ledger") as net,
        pytest.raises(Invalid) as caught,
        running(net, tmp_path / "issuer", url="https://x/", statuses=STATUSES),
    ):
        pass
    assert caught.value.code == "invalid_issuer_url"
    assert not (tmp_path / "issuer").exists()


def test_two_do_not_run_in_one_directory(tmp_path: Path) -> None:
    directory = tmp_path / "issuer"
    with network(tmp_path / "ledger") as net:
        with running(net, directory, url=None, statuses=STATUSES) as make_app:
            make_app("http://127.0.0.1:1")
            with (
                pytest.raises(Conflict) as raised,
                running(net, directory, url=None, statuses=STATUSES),
            ):
                pytest.fail("it runs")
            assert raised.value.code == "store_in_use"
            assert (directory / "url").read_text() == "http://127.0.0.1:1\n"
        with running(net, directory, url=None, statuses=STATUSES) as make_app:
            make_app("http://127.0.0.1:2")
