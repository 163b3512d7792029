import pytest

from did.errors import Invalid
from ledger.ethereum.pin import EthereumPin, checksum

# EIP-55, "Test Cases".
CHECKSUMMED = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
GOOD = {
    "chain_id": 1,
    "contract": CHECKSUMMED[4],
    "code_hash": bytes(32),
    "log_id": bytes(32),
}


@pytest.mark.parametrize("address", CHECKSUMMED)
def test_checksums_are_those_of_eip_55(address: str) -> None:
    assert checksum(bytes.fromhex(address[2:])) == address


def test_a_pin_holds_its_address() -> None:
    assert EthereumPin(**GOOD).address == bytes.fromhex(CHECKSUMMED[4][2:])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("chain_id", 0),
        ("contract", CHECKSUMMED[4].lower()),
        ("contract", CHECKSUMMED[4][2:]),
        ("contract", CHECKSUMMED[4] + "\n"),
        ("contract", CHECKSUMMED[4][:-1]),
        ("code_hash", bytes(31)),
        ("log_id", bytes(33)),
    ],
)
def test_what_cannot_be_a_pin_is_refused(member: str, value: object) -> None:
    with pytest.raises(Invalid) as raised:
        EthereumPin(**{**GOOD, member: value})
    assert raised.value.code == "ledger_bad_pin"
