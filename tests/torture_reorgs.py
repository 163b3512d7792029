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

from reorgs import break_finality, stage, storm

DEPTHS = range(1, 13)
OPERATIONS = 500
BATCH = 40


def main(seed: int) -> None:
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        stage(Path(folder), batch_size=BATCH) as running,
    ):
        for depth in DEPTHS:
            print(storm(running, depth, OPERATIONS, dice), flush=True)
        break_finality(running)
        code, said = running.follower.end(None)
        alarm = running.follower.events[-1]
        assert (code, alarm["event"], alarm["code"]) == (1, "alarm", "ledger_fork"), said
        print(f"what was final was replaced: {alarm['message']}; exit code {code}")
    print("nothing lost, nothing twice, and each index equal to one built from scratch")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # and end what was started
    main(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10**9))
