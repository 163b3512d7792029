"""The one error that the issuer adds to the tree of ``did.errors``."""

from did.errors import Refused


class NotFound(Refused):
    """There is nothing of that name here."""
