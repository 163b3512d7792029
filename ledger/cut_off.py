"""Where the procedures of a controller may be cut off, named for tests; see ``keyborn.faults``."""

from dataclasses import dataclass
from typing import Final

from keyborn.faults import FaultPoint


@dataclass(frozen=True, slots=True)
class UpdatePoints:
    """Before and after each thing that an update does which lasts."""

    storing: FaultPoint
    stored: FaultPoint
    submitting: FaultPoint
    submitted: FaultPoint
    promoting: FaultPoint
    promoted: FaultPoint
    clearing: FaultPoint
    cleared: FaultPoint


ROTATE: Final = UpdatePoints(
    storing=FaultPoint("controller.rotate.before_store"),
    stored=FaultPoint("controller.rotate.after_store"),
    submitting=FaultPoint("controller.rotate.before_submit"),
    submitted=FaultPoint("controller.rotate.after_submit"),
    promoting=FaultPoint("controller.rotate.before_promote"),
    promoted=FaultPoint("controller.rotate.after_promote"),
    clearing=FaultPoint("controller.rotate.before_clear"),
    cleared=FaultPoint("controller.rotate.after_clear"),
)
DEACTIVATE: Final = UpdatePoints(
    storing=FaultPoint("controller.deactivate.before_store"),
    stored=FaultPoint("controller.deactivate.after_store"),
    submitting=FaultPoint("controller.deactivate.before_submit"),
    submitted=FaultPoint("controller.deactivate.after_submit"),
    promoting=FaultPoint("controller.deactivate.before_promote"),
    promoted=FaultPoint("controller.deactivate.after_promote"),
    clearing=FaultPoint("controller.deactivate.before_clear"),
    cleared=FaultPoint("controller.deactivate.after_clear"),
)
REGISTER_SUBMITTING: Final = FaultPoint("controller.register.before_submit")
REGISTER_SUBMITTED: Final = FaultPoint("controller.register.after_submit")
