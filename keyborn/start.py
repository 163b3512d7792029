"""Where the ``keyborn`` command starts."""

import signal


def main() -> None:
    """Run the command line of this process.

    Whoever interrupts it while it still imports, when nothing was done, sees it end, and no stack
    trace. SIGINT stays ignored where it was.
    """
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from keyborn import cli  # noqa: PLC0415 - it takes a while

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()
