"""The one error that the issuer adds to the tree of ``did.errors``."""

from did.errors import Refused


class NotFound(Refused):  # noqa: N818 - as its siblings in did.errors
    """There is nothing of that name here."""
