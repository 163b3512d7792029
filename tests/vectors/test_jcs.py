"""RFC 8785: the author's files, and the numbers of appendix B."""

import json
import struct

import pytest
from published import vectors

from did.errors import Invalid
from did.jcs import canonicalize

FILES = vectors("jcs/rfc8785-files.json")["cases"]
NUMBERS = vectors("jcs/rfc8785-appendix-b-numbers.json")["cases"]


@pytest.mark.parametrize("case", FILES, ids=[case["name"] for case in FILES])
def test_file(case: dict[str, str]) -> None:
    # The files hold floats, which our own parser refuses; canonical form is asked for here.
    assert canonicalize(json.loads(case["inputText"])).hex() == case["expectedHex"]


@pytest.mark.parametrize("case", NUMBERS, ids=[case["ieee754Hex"] for case in NUMBERS])
def test_number(case: dict[str, str | None]) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(str(case["ieee754Hex"])))
    if case["json"] is not None:
        assert canonicalize(number).decode() == case["json"]
        return
    with pytest.raises(Invalid) as raised:
        canonicalize(number)
    assert raised.value.code == "not_canonicalizable"
