"""Every target by its name: what ``make fuzz`` runs, and what each regression is put to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fuzz import (
    asking,
    credentials,
    encodings,
    enrolment,
    envelopes,
    ethereum,
    files,
    identifiers,
    logs,
    requests,
    resolving,
    statuses,
)
from fuzz.target import Target

REGRESSIONS: Final = Path(__file__).parent / "regressions"
"""A folder for each target that once broke, with the inputs that broke it."""

TARGETS: Final[Mapping[str, Target]] = {
    **identifiers.TARGETS,
    **encodings.TARGETS,
    **envelopes.TARGETS,
    **credentials.TARGETS,
    **statuses.TARGETS,
    **enrolment.TARGETS,
    **asking.TARGETS,
    **resolving.TARGETS,
    **logs.TARGETS,
    **ethereum.TARGETS,
    **files.TARGETS,
    **requests.TARGETS,
}
