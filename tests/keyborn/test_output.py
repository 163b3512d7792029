import json

import pytest

from keyborn.output import emit, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, Grüße", "plain text, Grüße"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("line\nline\r", "line\\nline\\r"),
        ("\x9b2J", "\\u009b2J"),
        ("\u202eevil", "\\u202eevil"),
        ("\u2028", "\\u2028"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\x7f\x00", "\\u007f\\u0000"),
        ("", ""),
    ],
)
def test_what_steers_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert json.loads(f'"{shown}"') == text


def test_emit_prints_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": 1}, as_json=False, human="a is\t1\x1b[2J\nnext")
    assert capsys.readouterr() == ("a is\t1\\u001b[2J\nnext\n", "")


def test_emit_prints_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"name": "\x1b\x9b\u202e", "list": [1, None]}
    emit(data, as_json=True, human="unused")
    out, err = capsys.readouterr()
    assert json.loads(out) == data
    assert "\x9b" not in out
    assert not err
