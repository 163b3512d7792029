"""What a service sets for its process, so that nobody waits for long at a time."""

import gc
import sys
from typing import Final

# Seconds of one thread while another waits. Whoever sends an answer gives up its turn, and waits
# so long for the next one, each time, while a group of requests is decided in another thread.
TURN: Final = 0.001
GARBAGE: Final = (20_000, 20, 20)  # objects, and rounds, between two looks for it: gc's thresholds


def settle() -> None:
    """Set it; to be called when all that stays is made.

    The collector of garbage leaves out what was made until now, and comes less often. Modules and
    the application are for good: to look through them, hundreds of thousands of objects, holds up
    everybody for a tenth of a second. What requests leave is nearly all gone with its last
    reference; what refers to itself, such as an error and its traceback, can wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    sys.setswitchinterval(TURN)
