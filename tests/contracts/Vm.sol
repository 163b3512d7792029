// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One event, as forge recorded it.
struct Log {
    bytes32[] topics;
    bytes data;
    address emitter;
}

/// @notice What forge was started for, in forge's own order.
enum Context {
    TestGroup,
    Test,
    Coverage
}

/// @title What these tests ask of forge that the EVM itself does not do
interface Vm {
    function accesses(address target)
        external
        returns (bytes32[] memory reads, bytes32[] memory writes);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function deal(address account, uint256 wei_) external;
    function expectRevert(bytes calldata reason) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function getRecordedLogs() external returns (Log[] memory);
    function isContext(Context context) external view returns (bool);
    function load(address account, bytes32 slot) external view returns (bytes32);
    function parseJsonBytes(string calldata json, string calldata path)
        external
        pure
        returns (bytes memory);
    function prank(address sender) external;
    function readFile(string calldata path) external view returns (string memory);
    function record() external;
    function recordLogs() external;
    function roll(uint256 blockNumber) external;
    function setBlockhash(uint256 blockNumber, bytes32 hash) external;
    function snapshotGasLastCall(string calldata group, string calldata name)
        external
        returns (uint256);
    function store(address account, bytes32 slot, bytes32 value) external;
    function warp(uint256 timestamp) external;
}

// The address at which forge answers to it.
Vm constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
