"""Which of the credentials on offer a device takes: one of each kind, in one format."""

from did.configurations import CONFIGURATIONS, TYPES
from did.errors import Invalid
from did.openid4vci import NUMERIC, Offer
from did.vc.securing import Format

_STEP = "offer"


def choose(offer: Offer, format_: Format | None) -> tuple[str, ...]:
    """The configuration ids to ask for: of each kind that is on offer.

    Args:
        offer: The claim.
        format_: The one format to take; by default ``ldp_vc`` where it is on offer, or else the
            first one that is.

    Raises:
        Invalid: ``nothing_on_offer``, ``format_not_offered``.
    """
    known = [CONFIGURATIONS[id_] for id_ in offer.configurations if id_ in CONFIGURATIONS]
    if not known:
        raise Invalid(
            "nothing_on_offer",
            "the claim offers no credential that a device can use",
            step=_STEP,
            value=", ".join(offer.configurations),
            hint=f"a device takes {' and '.join(TYPES)}",
        )
    offered = list(dict.fromkeys(each.format for each in known))
    if format_ is None:
        format_ = Format.LDP_VC if Format.LDP_VC in offered else offered[0]
    if format_ not in offered:
        raise Invalid(
            "format_not_offered",
            f"the claim offers nothing in the format {format_}",
            step=_STEP,
            hint=f"take one that is on offer: {', '.join(offered)}",
        )
    return tuple(dict.fromkeys(each.id for each in known if each.format is format_))


def file_name(configuration: str) -> str:
    """The name in the store of what ``configuration`` yields: its kind, without ``device-``."""
    return CONFIGURATIONS[configuration].kind.removeprefix("device-")


def check_tx_code(offer: Offer, tx_code: str | None) -> None:
    """Return if ``tx_code`` is of the form that ``offer`` asks for, or is not there if it asks not.

    Raises:
        Invalid: ``tx_code_needed``, ``tx_code_not_needed``, ``invalid_tx_code``.
    """
    needed = offer.tx_code
    if needed is None:
        if tx_code is not None:
            raise Invalid(
                "tx_code_not_needed",
                "this claim has no transaction code",
                step=_STEP,
                hint="leave --tx-code out",
            )
        return
    unit = "digits" if needed.input_mode == NUMERIC else "characters"
    described = f"{needed.length} {unit}" if needed.length else unit
    if needed.description:
        described = f"{described}: {needed.description}"
    if tx_code is None:
        raise Invalid(
            "tx_code_needed",
            "this claim needs its transaction code, which comes another way than the offer",
            step=_STEP,
            hint=f"repeat with --tx-code ({described})",
        )
    if needed.length not in (0, len(tx_code)):
        raise Invalid(
            "invalid_tx_code",
            "the transaction code has the wrong length",
            step=_STEP,
            hint=f"it has {described}",
        )
