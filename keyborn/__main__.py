"""``python -m keyborn`` is the ``keyborn`` command."""

from keyborn.cli import main

main()
