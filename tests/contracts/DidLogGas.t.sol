// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DidLog} from "../../ledger/contracts/DidLog.sol";
import {deploy} from "./Chain.sol";
import {VM} from "./Vm.sol";

/// @notice The gas of appends as transactions of their own, what they carry and its floor price
/// (EIP-7623) included. `gas.json` holds what it was; tests/contracts/test_contracts.py compares.
contract DidLogGas {
    DidLog internal log;

    function setUp() external {
        log = deploy();
    }

    /// forge-config: default.isolate = true
    function test_the_first_append_of_a_log() external {
        append("first, 1 create", creates(1, hex"5840"));
    }

    /// forge-config: default.isolate = true
    function test_appends() external {
        log.append("");
        append("empty", "");
        append("1 create", creates(1, hex"5840"));
        append("10 creates", creates(10, hex"590280"));
        append("13 creates", creates(13, hex"590340"));
        append("14 creates", creates(14, hex"590380"));
        append("100 creates", creates(100, hex"591900"));
        append("2000 creates", creates(2_000, hex"5a0001f400"));
        append("1 rotation", rotations(1, hex"81"));
        append("700 rotations", rotations(700, hex"9902bc"));
        append("700 deactivations", deactivations(700, hex"9902bc"));
    }

    function append(string memory name, bytes memory batch) internal {
        log.append(batch);
        VM.snapshotGasLastCall("append", name);
    }

    /// @notice A batch of `n` creates; `length` is the head of their CBOR string. No byte of a key,
    /// hash or signature is zero here: zeros are cheaper.
    function creates(uint256 n, bytes memory length) internal pure returns (bytes memory) {
        return bytes.concat(hex"8301", length, times(n, noise(64)), hex"80");
    }

    /// @notice A batch of `n` rotations; `length` is the head of their CBOR array.
    function rotations(uint256 n, bytes memory length) internal pure returns (bytes memory) {
        return updates(n, length, bytes.concat(hex"5820", noise(32)));
    }

    /// @notice A batch of `n` deactivations, likewise.
    function deactivations(uint256 n, bytes memory length) internal pure returns (bytes memory) {
        return updates(n, length, hex"f6");
    }

    function updates(uint256 n, bytes memory length, bytes memory next)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory word = bytes.concat(hex"5820", noise(32));
        bytes memory update = bytes.concat(hex"84", word, word, next, hex"5840", noise(64));
        return bytes.concat(hex"830140", length, times(n, update));
    }

    function noise(uint256 length) internal pure returns (bytes memory) {
        return times(length, hex"a5");
    }

    /// @notice `unit`, `n` times.
    function times(uint256 n, bytes memory unit) internal pure returns (bytes memory) {
        if (n == 0) return "";
        bytes memory half = times(n / 2, unit);
        return n % 2 == 0 ? bytes.concat(half, half) : bytes.concat(half, half, unit);
    }
}
