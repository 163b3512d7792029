"""Answers questions, one JSON object a line, with DIDKit: VC 1.1 as JWTs, for did:key.

It runs in a process of its own, and leaves it without tidying up: its runtime does not survive the
interpreter's end.
"""

import asyncio
import json
import os
import sys
from typing import Any

import didkit


async def answer(question: dict[str, Any]) -> Any:
    options = json.dumps({"proofFormat": "jwt", **question.get("options", {})})
    if question["operation"] == "issue":
        credential, key = json.dumps(question["credential"]), json.dumps(question["jwk"])
        return await didkit.issue_credential(credential, options, key)
    verify = {
        "verifyCredential": didkit.verify_credential,
        "verifyPresentation": didkit.verify_presentation,
    }[question["operation"]]
    return json.loads(await verify(question["token"], options))


def main() -> None:
    for line in sys.stdin:
        try:
            said = {"result": asyncio.run(answer(json.loads(line)))}
        except didkit.DIDKitException as error:
            said = {"error": str(error)}
        print(json.dumps(said), flush=True)
    os._exit(0)


main()
