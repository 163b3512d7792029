from pathlib import Path

import orjson
import pytest
from actors import DEVICE

from did.errors import Invalid
from did.jcs import JsonObject
from issuer.claim_table import batches, read_table

DEFAULTS: JsonObject = {
    "model": "m0",
    "owner": "o0",
    "roles": ["r0"],
    "tags": {"t": "0"},
    "configuration": None,
    "dids": [],
    "tx_code": False,
    "expires_in": 60,
}


def load(path: Path) -> JsonObject:
    value: JsonObject = orjson.loads(path.read_bytes())
    return value


def read(folder: Path, text: str) -> list[JsonObject]:
    table = folder / "claims.csv"
    table.write_bytes(text.encode("utf-8", "surrogateescape"))
    return read_table(table, DEFAULTS, load)


def test_a_row_says_what_differs(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text('{"port": 1}')
    rows = read(
        tmp_path,
        "\ufeffmodel,owner,roles,tags,did,configuration\r\n"
        f"m1,o1,a; b,x=1;y=2=3,{DEVICE.did.text},net.json\r\n"
        ",,,,,\r\n"
        '"m, 3",,,,,\r\n',
    )
    assert rows[0] == {
        **DEFAULTS,
        "model": "m1",
        "owner": "o1",
        "roles": ["a", "b"],
        "tags": {"x": "1", "y": "2=3"},
        "dids": [DEVICE.did.text],
        "configuration": {"port": 1},
    }
    assert rows[1] == DEFAULTS
    assert rows[2] == {**DEFAULTS, "model": "m, 3"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model\n",
        "model,colour\nm,red\n",
        "model,owner\nm\n",
        "model\nm,o\n",
        "tags\nhall\n",
        'model\n"m\n',
        "model\n\udcff\n",
        "did\ndid:keyborn:z\n",
    ],
    ids=["empty", "no rows", "unknown", "short", "long", "tag", "quote", "bytes", "did"],
)
def test_refuses_what_it_cannot_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(tmp_path, text)
    assert caught.value.code == "invalid_table"
    assert "line " in caught.value.message


@pytest.mark.parametrize("column", ["model", "owner"])
def test_a_row_that_lacks_something_is_named_by_its_line(tmp_path: Path, column: str) -> None:
    table = tmp_path / "claims.csv"
    table.write_text("model,owner\nm,o\n" + {"model": ",o\n", "owner": "m,\n"}[column])
    with pytest.raises(Invalid, match=f"line 3: the row has no {column}") as caught:
        read_table(table, {**DEFAULTS, column: None}, load)
    assert f"--{column}" in str(caught.value.hint)
    assert len(read_table(table, DEFAULTS, load)) == 2


def test_is_sent_in_parts_that_fit() -> None:
    small: list[JsonObject] = [{"n": n} for n in range(501)]
    assert [len(part) for part in batches(small)] == [250, 250, 1]
    large: list[JsonObject] = [{"n": "x" * 90_000} for _ in range(5)]
    assert [len(part) for part in batches(large)] == [2, 2, 1]
    assert [row for part in batches(small) for row in part] == small
