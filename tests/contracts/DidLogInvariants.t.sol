// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DidLog} from "../../ledger/contracts/DidLog.sol";
import {deploy, Entry, nextHead, seen} from "./Chain.sol";
import {VM} from "./Vm.sol";

/// @notice What happens to a log, in any order; forge calls these with arguments of its own, and
/// every call must succeed. It keeps what was appended, by its own account.
contract World {
    DidLog public immutable log;
    Entry[] public entries;

    constructor(DidLog log_) {
        log = log_;
    }

    function count() external view returns (uint256) {
        return entries.length;
    }

    function append(address sender, bytes calldata batch) public {
        uint256 before = log.sequence();
        VM.prank(sender);
        log.append(batch);
        require(log.sequence() == before + 1, "the sequence did not grow by one");
        entries.push(Entry(keccak256(batch), entries.length + 1, block.number, block.timestamp));
    }

    function appendTwiceInOneBlock(address sender, bytes calldata one, bytes calldata other)
        external
    {
        append(sender, one);
        append(sender, other);
    }

    function mine(uint32 blocks, uint32 pause) external {
        VM.roll(block.number + blocks);
        VM.warp(block.timestamp + pause);
    }

    function pay(address sender, uint96 value) external {
        must(sender, "", value, false);
    }

    function force(uint96 value) external {
        VM.deal(address(log), address(log).balance + value);
    }

    function read(address sender, uint8 which) external {
        bytes4[3] memory reads = [log.head.selector, log.sequence.selector, log.logId.selector];
        must(sender, bytes.concat(reads[which % 3]), 0, true);
    }

    function callSomethingElse(address sender, bytes4 selector, bytes calldata rest, uint96 value)
        external
    {
        if (
            selector == DidLog.append.selector || selector == log.head.selector
                || selector == log.sequence.selector || selector == log.logId.selector
        ) return;
        must(sender, bytes.concat(selector, rest), value, false);
    }

    function appendWithEther(address sender, bytes calldata batch, uint96 value) external {
        must(sender, abi.encodeCall(DidLog.append, (batch)), uint256(value) + 1, false);
    }

    /// @notice Fails unless the call ends as told, and changes nothing either way.
    function must(address sender, bytes memory data, uint256 value, bool succeed) internal {
        bytes32 before = seen(log);
        VM.deal(sender, value);
        VM.prank(sender);
        (bool done,) = address(log).call{value: value}(data);
        require(done == succeed, succeed ? "refused" : "taken");
        require(seen(log) == before, "changed");
    }
}

contract DidLogInvariants {
    DidLog internal log;
    World internal world;
    bytes32 internal codeHash;
    bytes32 internal logId;

    function setUp() external {
        VM.roll(20_000_000);
        VM.warp(1_800_000_000);
        log = deploy();
        world = new World(log);
        codeHash = address(log).codehash;
        logId = log.logId();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(world);
    }

    function invariant_the_head_is_the_recomputed_chain() external view {
        bytes32 head = logId;
        uint256 count = world.count();
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 batchHash, uint256 sequence, uint256 number, uint256 time) = world.entries(i);
            head = nextHead(head, Entry(batchHash, sequence, number, time));
        }
        require(log.head() == head, "head");
        require(VM.load(address(log), 0) == head, "slot 0");
    }

    function invariant_the_sequence_counts_the_appends() external view {
        require(log.sequence() == world.count(), "sequence");
        require(uint256(VM.load(address(log), bytes32(uint256(1)))) == world.count(), "slot 1");
    }

    function invariant_id_and_code_stay() external view {
        require(log.logId() == logId, "id");
        require(address(log).codehash == codeHash, "code");
    }
}
