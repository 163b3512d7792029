// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DidLog} from "../../ledger/contracts/DidLog.sol";
import {Context, Log, VM} from "./Vm.sol";

/// @notice The bytecode that is tested: the packaged one, ledger/contracts/DidLog.json, of which
/// tests/ledger/ethereum/test_contract.py shows that it is what the source compiles to. For coverage
/// it is compiled anew, so that forge can tell which line an instruction belongs to.
function bytecode() view returns (bytes memory) {
    if (VM.isContext(Context.Coverage)) return VM.getCode("DidLog.sol:DidLog");
    return VM.parseJsonBytes(VM.readFile("ledger/contracts/DidLog.json"), ".bytecode");
}

/// @notice Deploys `code` with `value` wei; the log at address zero if that fails.
function create(bytes memory code, uint256 value) returns (DidLog log) {
    assembly {
        log := create(value, add(code, 32), mload(code))
    }
}

/// @notice A new log.
function deploy() returns (DidLog log) {
    log = create(bytecode(), 0);
    require(address(log) != address(0), "not deployed");
}

/// @notice What a reader needs to know of one entry to recompute the head.
struct Entry {
    bytes32 batchHash;
    uint256 sequence;
    uint256 number;
    uint256 time;
}

/// @notice The head after `entry` of a log whose head was `before`: word after word, as
/// docs/did-method.md has it.
function nextHead(bytes32 before, Entry memory entry) pure returns (bytes32) {
    return keccak256(
        bytes.concat(
            before,
            bytes32(0),
            entry.batchHash,
            bytes32(entry.sequence),
            bytes32(entry.number),
            bytes32(entry.time)
        )
    );
}

/// @notice All that can be seen of a log, in one word.
function seen(DidLog log) view returns (bytes32) {
    return keccak256(
        abi.encode(
            VM.load(address(log), 0),
            VM.load(address(log), bytes32(uint256(1))),
            log.head(),
            log.sequence(),
            log.logId(),
            address(log).codehash
        )
    );
}

/// @notice The events since the last time that this was asked; fails where one is not `log`'s.
function eventsOf(DidLog log) returns (Log[] memory logs) {
    logs = VM.getRecordedLogs();
    for (uint256 i = 0; i < logs.length; ++i) {
        require(logs[i].emitter == address(log), "an event of somebody else");
    }
}

/// @notice The sequence and the batch of an `Appended` event that is in every byte as the reader
/// expects it: two topics, and one `bytes` in its only encoding.
function readEvent(Log memory log) pure returns (uint256 sequence, bytes memory batch) {
    require(log.topics.length == 2, "not two topics");
    require(log.topics[0] == keccak256("Appended(uint256,bytes)"), "another event");
    sequence = uint256(log.topics[1]);
    batch = abi.decode(log.data, (bytes));
    require(keccak256(log.data) == keccak256(abi.encode(batch)), "another encoding");
}
