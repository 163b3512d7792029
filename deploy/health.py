"""Whether a service in this container answers: exit code 0 if it does. Named by URL, or looked for.

``python health.py [URL]``. Without a URL: the first of the usual ports on which one listens.
"""

import http.client
import sys
from typing import Final
from urllib.parse import urlsplit

SECONDS: Final = 4
USUAL: Final = (
    "http://127.0.0.1:8101/health",
    "http://127.0.0.1:8102/health",
    "http://127.0.0.1:8103/health",
)


def answers(url: str) -> bool:
    """Whether ``url`` is answered with 200; over HTTP, inside a container."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not any(map(answers, sys.argv[1:] or USUAL)))
