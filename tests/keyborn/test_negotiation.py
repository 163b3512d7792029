import pytest

from keyborn.negotiation import is_unchanged, preferred

SERVED = ("text/plain", "text/html", 'text/html;profile="x"', "image/png")


@pytest.mark.parametrize(
    ("accept", "place"),
    [
        ("", 0),
        ("*/*", 0),
        ("image/*, text/*;q=0.5", 3),
        ("text/*", 0),
        ("text/html", 1),
        ('text/html;profile="x"', 2),
        ("text/plain;q=0, text/*", 1),
        ("text/html;q=nan", None),
        ("text/html;q=1.001", None),  # it was more than any other wish
        ("text/html;q=2", None),
        ("text/html;q=0.999, image/png;q=1.000", 3),
        ("audio/*", None),
        (";", None),
    ],
)
def test_what_a_client_prefers(accept: str, place: int | None) -> None:
    assert preferred(accept, SERVED) == place


@pytest.mark.parametrize(
    ("conditions", "unchanged"),
    [
        ([], False),
        (['"a"'], True),
        (['"b", W/"a"'], True),
        (['"b"', "*"], True),
        (['"b"'], False),
    ],
)
def test_what_is_unchanged(conditions: list[str], *, unchanged: bool) -> None:
    assert is_unchanged(conditions, '"a"') is unchanged
