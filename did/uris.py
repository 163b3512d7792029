"""URIs as they are written (RFC 3986, appendix A)."""

import re
from typing import Final

_CHARACTER: Final = r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_URI: Final = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):{_CHARACTER}+(?:#{_CHARACTER}*)?", re.ASCII
)


def is_uri(value: object) -> bool:
    """Whether ``value`` is a URI with a scheme: text, of the characters that a URI may have."""
    return isinstance(value, str) and _URI.fullmatch(value) is not None
