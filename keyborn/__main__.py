"""``python -m keyborn`` is the ``keyborn`` command."""

from keyborn.start import main

main()
