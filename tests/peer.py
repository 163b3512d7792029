"""Another implementation, in a process of its own, that answers questions line by line."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any


class PeerError(Exception):
    """What the other implementation threw."""


@dataclass(frozen=True)
class Peer:
    """A script that reads questions on its stdin and answers on its stdout."""

    process: subprocess.Popen[str]

    def ask(self, operation: str, **question: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"operation": operation, **question}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the script ended"
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer["result"]
