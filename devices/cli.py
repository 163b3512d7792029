"""``keyborn device`` and ``keyborn fleet``."""

import click


@click.group()
def device() -> None:
    """Be a device: born, enrolled, registered, presenting, rotating."""


@click.group()
def fleet() -> None:
    """Be many devices at once, and measure."""
