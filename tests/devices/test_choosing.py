import pytest

from devices.choosing import check_tx_code, choose, file_name
from did.configurations import CONFIGURATIONS
from did.errors import Invalid
from did.openid4vci import Offer, TxCode
from did.vc.securing import Format

ALL = tuple(CONFIGURATIONS)


def offer(*ids: str, tx_code: TxCode | None = None) -> Offer:
    return Offer("https://issuer.example", ids, "code", tx_code)


def test_takes_each_kind_in_one_format() -> None:
    assert choose(offer(*ALL), None) == ("device-provisioning", "device-configuration")
    for format_ in Format:
        chosen = [CONFIGURATIONS[id_] for id_ in choose(offer(*ALL, *ALL), format_)]
        assert [each.format for each in chosen] == [format_] * 2
        assert len({each.kind for each in chosen}) == 2


def test_takes_what_there_is_if_the_standard_format_is_not() -> None:
    only = offer("unknown", "device-provisioning-vc-cose", "device-provisioning-vc-jwt")
    assert choose(only, None) == ("device-provisioning-vc-cose",)
    assert choose(only, Format.VC_JWT) == ("device-provisioning-vc-jwt",)
    with pytest.raises(Invalid) as caught:
        choose(only, Format.LDP_VC)
    assert caught.value.code == "format_not_offered"
    assert "vc+cose, vc+jwt" in str(caught.value.hint)


def test_a_file_is_named_by_its_kind() -> None:
    assert {file_name(id_) for id_ in ALL} == {"provisioning", "configuration"}


@pytest.mark.parametrize(
    ("needed", "described"),
    [
        (TxCode(6), "6 digits"),
        (TxCode(0), "digits"),
        (TxCode(0, input_mode="text"), "characters"),
        (TxCode(4, "ask reception", "text"), "4 characters: ask reception"),
    ],
)
def test_says_what_a_transaction_code_looks_like(needed: TxCode, described: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_tx_code(offer("x", tx_code=needed), None)
    assert caught.value.hint == f"repeat with --tx-code ({described})"
    if needed.length:
        with pytest.raises(Invalid) as caught:
            check_tx_code(offer("x", tx_code=needed), "9" * 7)
        assert caught.value.hint == f"it has {described}"
    check_tx_code(offer("x", tx_code=needed), "9" * (needed.length or 3))
