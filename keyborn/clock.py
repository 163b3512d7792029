"""The one place that reads the clock. Whoever decides something reads it once and passes it on."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC. ``did.timestamps`` turns it into text and back."""
    return datetime.now(UTC)
