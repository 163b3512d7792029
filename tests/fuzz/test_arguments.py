import argparse

import pytest
from fuzz.arguments import one_of, positive


@pytest.mark.parametrize("text", ["0", "-1", "", "1.5", "x", "\u0661"])
def test_what_is_no_number_from_1_on(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="from 1 on"):
        positive(text)


def test_what_is_taken() -> None:
    assert positive("600") == 600
    assert one_of(("did", "json"))("did") == "did"


@pytest.mark.parametrize(("text", "near"), [("jsn", "json"), ("?", "did, json")])
def test_a_name_that_is_none_tells_what_is_like_it(text: str, near: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"try {near}$"):
        one_of(("did", "json"))(text)
