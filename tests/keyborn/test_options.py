import click
from click.testing import CliRunner

from keyborn.options import Group


def test_a_group_says_in_whole_sentences_what_its_commands_do() -> None:
    """Click would cut a sentence that is longer than a line, and end it with dots."""

    @click.group(cls=Group)
    def many() -> None:
        """Many."""

    @many.command()
    def long() -> None:
        """Do what takes a sentence that goes on for longer than one line of a terminal does.

        More about it.
        """

    shown = CliRunner().invoke(many, ["--help"]).output
    said = "Do what takes a sentence that goes on for longer than one line of a terminal does."
    assert said in " ".join(shown.split())
    assert "..." not in shown.partition("Commands:")[2]
    assert "More about it" not in shown
