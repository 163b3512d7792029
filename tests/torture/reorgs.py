"""``make torture-reorgs``: each depth from 1 to 12, with 500 operations in flight.

On anvil with its default finality of 64 blocks, under a running registrar and a running reader; and
at the end a reorganisation of what was final, which must stop the reader. Its seed is printed, and
may be given: ``make torture-reorgs SEED=7``. It takes a quarter of an hour on two cores.
"""

import random
import signal
import sys
import tempfile
from pathlib import Path

import click
from reorgs import Stage, break_finality, stage, storm

# Each row on a chain of its own: after some 900 blocks a reorganisation of anvil 1.7.1 brings back
# a state in which a contract has its storage and its code hash, but no code: appends do nothing.
DEPTHS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12))
OPERATIONS = 500
BATCH = 40


@click.command(help=__doc__)
@click.argument("seed", type=click.IntRange(0), default=lambda: random.randrange(10**9))
def main(seed: int) -> None:
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    for depths in DEPTHS:
        with (
            tempfile.TemporaryDirectory() as folder,
            stage(Path(folder), batch_size=BATCH) as running,
        ):
            for depth in depths:
                print(storm(running, depth, OPERATIONS, dice), flush=True)
            if depths is DEPTHS[-1]:
                _end(running)
    print("nothing lost, nothing twice, and each index equal to one built from scratch")


def _end(running: Stage) -> None:
    """Replace what was final, which must stop the reader."""
    break_finality(running)
    code, said = running.follower.end(None)
    alarm = running.follower.events[-1]
    assert (code, alarm["event"], alarm["code"]) == (1, "alarm", "ledger_fork"), said
    print(f"what was final was replaced: {alarm['message']}; exit code {code}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # and end what was started
    main()
