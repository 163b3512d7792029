"""``keyborn device`` and ``keyborn fleet``; their commands are in the modules beside this one."""

import click

from devices.commands import DEVICE_COMMANDS
from devices.fleet_commands import FLEET_COMMANDS
from keyborn.options import Group


@click.group(cls=Group)
def device() -> None:
    """Be a device: born, enrolled, registered, admitted, rotating."""


@click.group(cls=Group)
def fleet() -> None:
    """Be many devices at once, and measure."""


for _command in DEVICE_COMMANDS:
    device.add_command(_command)
for _command in FLEET_COMMANDS:
    fleet.add_command(_command)
