import stat
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from serving import serving

from did.errors import Conflict, Invalid, Refused
from keyborn import files, tokens
from keyborn.http import install
from keyborn.tokens import admin_token, bearer, read_token


def test_a_token_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    first = admin_token(path)
    assert first.fresh
    assert len(first.text) == 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = admin_token(path)
    assert (again.text, again.fresh) == (first.text, False)
    assert first.text not in repr(first)


def test_of_two_first_starts_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"

    def late(path: Path, data: bytes) -> None:
        create(path, b"A" * 43)
        create(path, data)

    create = files.create_private
    monkeypatch.setattr(tokens, "create_private", late)
    assert admin_token(path) == tokens.Token("A" * 43, fresh=False)
    with pytest.raises(Conflict):
        create(path, b"")


@pytest.mark.parametrize("content", [b"", b"short", b"A" * 43 + b"\n\n", b"\xff" * 50, b"A" * 200])
def test_a_file_without_a_token_opens_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Invalid, match="invalid_token_file"):
        admin_token(path)


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    text = admin_token(path).text
    path.chmod(0o644)
    with pytest.raises(Refused):
        read_token(path)
    path.chmod(0o600)
    assert read_token(path) == text


def test_only_the_bearer_passes() -> None:
    app = FastAPI()
    install(app)
    allowed = Depends(bearer("A" * 43))

    @app.get("/admin", dependencies=[allowed])
    async def admin() -> Annotated[dict[str, str], allowed]:
        return {"hello": "admin"}

    with serving(app) as url:
        for header in (None, "Bearer", f"Bearer {'B' * 43}", f"Basic {'A' * 43}", "Bearer \xe9"):
            headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
            response = httpx.get(f"{url}/admin", headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == 'Bearer realm="keyborn"'
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["code"] == "unauthorized"
        response = httpx.get(f"{url}/admin", headers={"authorization": f"Bearer {'A' * 43}"})
        assert response.json() == {"hello": "admin"}
