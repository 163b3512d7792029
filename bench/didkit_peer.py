"""How fast DIDKit verifies one VC 1.1 token, over and over; as ``peers.mjs``.

It leaves its process without tidying up: its runtime does not survive the interpreter's end.
"""

import asyncio
import json
import os
import sys
import time

import didkit


async def _verify(token: str, times: int) -> float:
    options = json.dumps({"proofFormat": "jwt"})
    start = time.perf_counter()
    for _ in range(times):
        found = json.loads(await didkit.verify_credential(token, options))
        if found["errors"]:
            raise SystemExit(str(found["errors"]))
    return time.perf_counter() - start


def _main() -> None:
    question = json.load(sys.stdin)
    asyncio.run(_verify(question["token"], question["times"]))
    seconds = asyncio.run(_verify(question["token"], question["times"]))
    sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")
    sys.stdout.flush()
    os._exit(0)


_main()
