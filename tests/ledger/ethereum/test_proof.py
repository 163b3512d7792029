import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from did.errors import Invalid
from ledger.ethereum.proof import prove_account, prove_slot, read_proof

ADDRESS = bytes(range(20))
SLOTS = {slot: (slot + 1) << (8 * slot) for slot in range(30)}


def storage() -> HexaryTrie:
    trie = HexaryTrie({})
    for slot, word in SLOTS.items():
        encoded = word.to_bytes((word.bit_length() + 7) // 8, "big")
        trie[keccak(slot.to_bytes(32, "big"))] = rlp.encode(encoded)
    return trie


def nodes(trie: HexaryTrie, key: bytes) -> list[bytes]:
    return [rlp.encode(node) for node in trie.get_proof(keccak(key))]


def state(account: object) -> HexaryTrie:
    trie = HexaryTrie({})
    for number in range(20):
        trie[keccak(bytes([number]))] = rlp.encode([b"", b"", bytes(32), bytes(32)])
    trie[keccak(ADDRESS)] = rlp.encode(account)
    return trie


@pytest.mark.parametrize("slot", list(SLOTS))
def test_a_slot_is_proven(slot: int) -> None:
    trie = storage()
    proof = nodes(trie, slot.to_bytes(32, "big"))
    assert prove_slot(trie.root_hash, slot, proof) == SLOTS[slot]


def test_absence_is_proven() -> None:
    trie = storage()
    assert prove_slot(trie.root_hash, 99, nodes(trie, (99).to_bytes(32, "big"))) == 0
    assert prove_slot(HexaryTrie({}).root_hash, 0, []) == 0
    accounts = state([b"", b"", bytes(32), bytes(32)])
    assert prove_account(accounts.root_hash, bytes(20), nodes(accounts, bytes(20))) is None


def test_an_account_is_proven() -> None:
    trie = state([b"\1", b"\2", b"s" * 32, b"c" * 32])
    account = prove_account(trie.root_hash, ADDRESS, nodes(trie, ADDRESS))
    assert account is not None
    assert (account.storage_root, account.code_hash) == (b"s" * 32, b"c" * 32)


def test_every_altered_byte_is_found() -> None:
    trie = storage()
    proof = nodes(trie, (3).to_bytes(32, "big"))
    for position, node in enumerate(proof):
        for at in range(len(node)):
            altered = bytearray(node)
            altered[at] ^= 1
            forged = [*proof[:position], bytes(altered), *proof[position + 1 :]]
            with pytest.raises(Invalid) as raised:
                prove_slot(trie.root_hash, 3, forged)
            assert raised.value.code == "ledger_forged_proof"


def test_a_missing_node_is_not_absence() -> None:
    trie = storage()
    proof = nodes(trie, (3).to_bytes(32, "big"))
    for position in range(len(proof)):
        with pytest.raises(Invalid, match="missing or altered"):
            prove_slot(trie.root_hash, 3, proof[:position] + proof[position + 1 :])


def test_the_proof_of_another_slot_proves_nothing_here() -> None:
    trie = storage()
    with pytest.raises(Invalid):
        prove_slot(trie.root_hash, 3, nodes(trie, (4).to_bytes(32, "big")))


@pytest.mark.parametrize(
    "account",
    [
        b"",
        b"account",
        [],
        [b"", b"", bytes(32)],
        [b"", b"", bytes(31), bytes(32)],
        [b"", b"", bytes(32), [bytes(32)]],
        [b"", b"", b"", bytes(32)],
    ],
)
def test_an_account_of_another_form_is_refused(account: object) -> None:
    trie = state(account)
    with pytest.raises(Invalid) as raised:
        prove_account(trie.root_hash, ADDRESS, nodes(trie, ADDRESS))
    assert raised.value.code == "ledger_forged_proof"


@pytest.mark.parametrize("leaf", [rlp.encode(bytes(33)), rlp.encode([]), b"\xff", b"\x81\x01"])
def test_a_slot_of_another_form_is_refused(leaf: bytes) -> None:
    trie = HexaryTrie({})
    trie[keccak(bytes(32))] = leaf
    with pytest.raises(Invalid) as raised:
        prove_slot(trie.root_hash, 0, nodes(trie, bytes(32)))
    assert raised.value.code == "ledger_forged_proof"


def test_a_node_longer_than_any_is_refused() -> None:
    node = rlp.encode([bytes(1_000)])
    with pytest.raises(Invalid, match="longer"):
        prove_slot(keccak(node), 0, [node])


# Under a root that the liar made up, a node can be anything, and must end as one of our errors.
RLP = st.recursive(
    st.binary(max_size=40), lambda inner: st.lists(inner, max_size=17), max_leaves=20
)
LEAF_PATH = b"\x20" + keccak(bytes(32))


def answered(node: bytes) -> None:
    try:
        prove_slot(keccak(node), 0, [node])
    except Invalid as refusal:
        assert refusal.code == "ledger_forged_proof"  # noqa: PT017 - either outcome is right


@given(RLP | st.lists(st.binary(max_size=33) | st.just([]), min_size=17, max_size=17))
def test_any_list_as_a_node_is_answered(node: object) -> None:
    answered(rlp.encode(node))


@given(RLP)
def test_any_pair_as_a_node_is_answered(value: object) -> None:
    answered(rlp.encode([LEAF_PATH, value]))
    answered(rlp.encode([value, value]))
    answered(rlp.encode([value] * 17))


@given(st.binary(max_size=600))
def test_any_bytes_as_a_node_are_answered(node: bytes) -> None:
    answered(node)


def test_deep_nesting_is_answered() -> None:
    node = b"\xc0"
    while len(node) < 590:
        node = rlp.codec.length_prefix(len(node), 0xC0) + node
    answered(node)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "ledger_malformed_answer"),
        ({"accountProof": []}, "ledger_malformed_answer"),
        ({"accountProof": [], "storageProof": [{"proof": []}]}, "ledger_forged_proof"),
        ({"accountProof": [], "storageProof": [{"proof": []}] * 3}, "ledger_malformed_answer"),
        ({"accountProof": ["0x"] * 66, "storageProof": [{"proof": []}] * 2}, "ledger_malformed"),
        ({"accountProof": ["x"], "storageProof": [{"proof": []}] * 2}, "ledger_malformed_answer"),
        ({"accountProof": [], "storageProof": [[], []]}, "ledger_malformed_answer"),
    ],
)
def test_an_answer_of_another_form_is_refused(answer: object, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_proof(answer, 2)
    assert raised.value.code.startswith(code)


def test_an_answer_is_taken_apart() -> None:
    answer = {"accountProof": ["0x01"], "storageProof": [{"proof": ["0x02"]}, {"proof": []}]}
    assert read_proof(answer, 2) == ([b"\1"], [[b"\2"], []])
