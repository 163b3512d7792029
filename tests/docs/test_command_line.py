"""The reference of the command line is the one that the commands give."""

from command_reference import PAGE, render


def test_it_is_up_to_date() -> None:
    assert PAGE.read_text() == render(), "run make reference"
