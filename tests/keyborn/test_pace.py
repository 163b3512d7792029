import subprocess
import sys

from keyborn.pace import GARBAGE, TURN

SETTLED = """
import gc, sys
from keyborn.pace import settle
settle()
print(gc.get_freeze_count() > 1_000, gc.isenabled(), gc.get_threshold(), sys.getswitchinterval())
"""


def test_what_stays_is_left_out_and_the_rest_still_looked_through() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETTLED], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"True True {GARBAGE} {TURN}\n"
