// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DidLog} from "../../ledger/contracts/DidLog.sol";
import {bytecode, create, deploy, Entry, eventsOf, nextHead, readEvent, seen} from "./Chain.sol";
import {Log, VM} from "./Vm.sol";

/// @notice What another contract can try on a log.
contract Borrower {
    function borrow(address code, bytes calldata data) external returns (bool done) {
        (done,) = code.delegatecall(data);
    }
}

contract DidLogTest {
    DidLog internal log;

    function setUp() external {
        VM.roll(20_000_000);
        VM.warp(1_800_000_000);
        log = deploy();
    }

    // --- The start ---

    function test_a_log_starts_at_its_id() external view {
        require(log.head() == log.logId(), "head");
        require(log.sequence() == 0, "sequence");
    }

    function testFuzz_the_id_is_of_chain_address_and_parent_block(
        uint64 chain,
        uint64 number,
        bytes32 parent
    ) external {
        VM.assume(chain != 0 && number != 0);
        VM.roll(number);
        VM.setBlockhash(number - 1, parent);
        VM.chainId(chain);
        DidLog other = deploy();
        require(
            other.logId()
                == keccak256(
                    bytes.concat(
                        bytes32(uint256(chain)), bytes32(uint256(uint160(address(other)))), parent
                    )
                ),
            "id"
        );
        require(other.head() == other.logId(), "head");
    }

    function test_two_logs_of_one_block_have_two_ids_and_two_codes() external {
        DidLog other = deploy();
        require(other.logId() != log.logId(), "id");
        require(address(other).codehash != address(log).codehash, "code");
    }

    function test_the_first_block_of_a_chain_can_hold_no_log() external {
        VM.roll(0);
        require(address(create(bytecode(), 0)) == address(0), "deployed");
        VM.roll(1);
        require(address(create(bytecode(), 0)) != address(0), "its twin was not deployed");
    }

    function test_a_deployment_takes_no_ether() external {
        VM.deal(address(this), 1);
        require(address(create(bytecode(), 1)) == address(0), "deployed");
        require(address(create(bytecode(), 0)) != address(0), "its twin was not deployed");
    }

    // --- Appending ---

    function testFuzz_an_append_moves_the_head_by_the_formula(
        address sender,
        bytes calldata batch,
        uint64 number,
        uint64 time
    ) external {
        VM.roll(number);
        VM.warp(time);
        appendAndCheck(sender, batch);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_every_append_follows_the_one_before(bytes[] calldata batches) external {
        for (uint256 i = 0; i < batches.length; ++i) {
            VM.roll(block.number + i % 3); // some share a block
            VM.warp(block.timestamp + i % 3);
            appendAndCheck(address(this), batches[i]);
        }
        require(log.sequence() == batches.length, "sequence");
    }

    function test_a_batch_may_be_empty() external {
        appendAndCheck(address(this), "");
    }

    function test_a_batch_may_be_larger_than_any_that_readers_take() external {
        appendAndCheck(address(this), new bytes(131_073));
    }

    function test_order_counts() external {
        DidLog twin = deploy();
        VM.store(address(twin), 0, log.head());
        log.append("a");
        log.append("b");
        twin.append("b");
        twin.append("a");
        require(log.head() != twin.head(), "head");
    }

    function test_a_repeated_batch_is_another_entry() external {
        log.append("a");
        bytes32 first = log.head();
        log.append("a");
        require(log.head() != first && log.sequence() == 2, "head");
    }

    function test_the_sequence_never_starts_again() external {
        VM.store(address(log), bytes32(uint256(1)), bytes32(type(uint256).max));
        bytes32 before = seen(log);
        VM.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        log.append("a");
        require(seen(log) == before, "changed");
    }

    /// @notice However the call data encodes it: what is committed to is what is emitted.
    function testFuzz_the_head_commits_to_the_emitted_batch(bytes calldata arguments) external {
        checkRaw(bytes.concat(DidLog.append.selector, arguments));
    }

    /// @notice The same where offset and length are within reason, so that most of them count.
    function testFuzz_the_head_commits_to_an_oddly_encoded_batch(
        uint8 offset,
        uint8 length,
        bytes calldata rest
    ) external {
        bytes memory padded = bytes.concat(rest, new bytes(offset), bytes32(uint256(length)), rest);
        checkRaw(
            bytes.concat(
                DidLog.append.selector, bytes32(32 + rest.length + uint256(offset)), padded
            )
        );
    }

    // --- Nothing else writes ---

    function test_an_append_writes_its_two_slots_alone() external {
        VM.record();
        log.append("a");
        (, bytes32[] memory writes) = VM.accesses(address(log));
        require(writes.length == 2, "writes");
        require(uint256(writes[0]) + uint256(writes[1]) == 1, "not slots 0 and 1");
    }

    function testFuzz_no_other_call_changes_anything(
        address sender,
        bytes4 selector,
        bytes calldata arguments,
        uint64 value
    ) external {
        VM.assume(selector != DidLog.append.selector && sender != address(log));
        mustChangeNothing(sender, bytes.concat(selector, arguments), value);
    }

    function testFuzz_less_than_a_selector_changes_nothing(bytes3 data, uint64 value) external {
        for (uint256 length = 0; length <= 3; ++length) {
            bytes memory cut = bytes.concat(data);
            assembly {
                mstore(cut, length)
            }
            require(!mustChangeNothing(address(this), cut, value), "taken");
        }
    }

    function test_reading_changes_nothing() external {
        bytes4[3] memory reads = [log.head.selector, log.sequence.selector, log.logId.selector];
        for (uint256 i = 0; i < reads.length; ++i) {
            bytes memory call = bytes.concat(reads[i]);
            require(mustChangeNothing(address(this), call, 0), "refused");
            require(!mustChangeNothing(address(this), call, 1), "took ether");
        }
    }

    function testFuzz_an_append_takes_no_ether(bytes calldata batch, uint64 value) external {
        VM.assume(value != 0);
        bytes memory data = abi.encodeCall(DidLog.append, (batch));
        require(!mustChangeNothing(address(this), data, value), "taken");
        appendAndCheck(address(this), batch);
    }

    function testFuzz_call_data_cut_short_changes_nothing(bytes calldata batch, uint256 cut)
        external
    {
        bytes memory data = abi.encodeCall(DidLog.append, (batch));
        uint256 least = 68 + batch.length; // the padding may be missing
        uint256 kept = 4 + cut % (least - 4);
        assembly {
            mstore(data, kept)
        }
        require(!mustChangeNothing(address(this), data, 0), "taken");
    }

    function test_an_append_that_may_not_write_fails() external view {
        bytes32 before = seen(log);
        (bool done,) = address(log).staticcall{gas: 1_000_000}(abi.encodeCall(DidLog.append, ("a")));
        require(!done && seen(log) == before, "changed");
    }

    function test_borrowed_code_writes_elsewhere() external {
        Borrower borrower = new Borrower();
        bytes32 before = seen(log);
        require(borrower.borrow(address(log), abi.encodeCall(DidLog.append, ("a"))), "refused");
        require(VM.load(address(borrower), bytes32(uint256(1))) == bytes32(uint256(1)), "nowhere");
        require(seen(log) == before, "changed");
    }

    function testFuzz_forced_ether_is_nothing_to_it(uint128 value) external {
        bytes32 before = seen(log);
        VM.deal(address(log), value);
        require(seen(log) == before, "changed");
        appendAndCheck(address(this), "a");
    }

    // --- What they share ---

    function appendAndCheck(address sender, bytes memory batch) internal {
        (bytes32 before, uint256 count) = (log.head(), log.sequence());
        VM.recordLogs();
        VM.prank(sender);
        log.append(batch);
        Log[] memory events = eventsOf(log);
        require(events.length == 1, "not one event");
        (uint256 sequence, bytes memory emitted) = readEvent(events[0]);
        require(sequence == count + 1 && log.sequence() == sequence, "sequence");
        require(keccak256(emitted) == keccak256(batch), "batch");
        Entry memory entry = Entry(keccak256(batch), count + 1, block.number, block.timestamp);
        require(log.head() == nextHead(before, entry), "head");
    }

    /// @notice Calls `append` with raw call data: it fails and changes nothing, or what it emits is
    /// what the head commits to.
    function checkRaw(bytes memory data) internal {
        (bytes32 all, bytes32 before) = (seen(log), log.head());
        VM.recordLogs();
        (bool done,) = address(log).call(data);
        Log[] memory events = eventsOf(log);
        if (!done) {
            require(events.length == 0 && seen(log) == all, "changed");
            return;
        }
        require(events.length == 1, "not one event");
        (uint256 sequence, bytes memory batch) = readEvent(events[0]);
        require(sequence == 1 && log.sequence() == 1, "sequence");
        Entry memory entry = Entry(keccak256(batch), 1, block.number, block.timestamp);
        require(log.head() == nextHead(before, entry), "head");
    }

    function mustChangeNothing(address sender, bytes memory data, uint256 value)
        internal
        returns (bool done)
    {
        (bytes32 before, uint256 owned) = (seen(log), address(log).balance);
        VM.deal(sender, value);
        VM.recordLogs();
        VM.prank(sender);
        (done,) = address(log).call{value: value}(data);
        require(eventsOf(log).length == 0, "an event");
        require(seen(log) == before, "changed");
        require(address(log).balance == owned, "took ether");
    }
}
