// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title An append-only log of bytes, with no owner, no upgrade and no judgement
/// @notice Anybody may append. `head` commits to the content, order and times of every batch, so
/// that one storage proof under one block header authenticates the whole log, wherever the batches
/// themselves were fetched from. What a batch means is its readers' business.
/// @dev The storage layout is what readers prove; docs/adr/0008-ethereum-log-layout.md tells why it is
/// two slots.
contract DidLog {
    /// @notice The name of this log, and its head before the first batch. It stands in the code, so
    /// that the code hash names the log too.
    bytes32 public immutable logId;

    /// @notice The head after the newest batch. Storage slot 0.
    bytes32 public head;

    /// @notice How many batches there are: the sequence of the newest. Storage slot 1.
    uint256 public sequence;

    /// @notice One batch that was carried as call data: kind 0, the only one. Kind 1 is reserved
    /// (docs/adr/0012-no-blobs.md).
    /// @param sequence Its position on the log, counting from 1.
    /// @param batch The bytes as they were given, valid or not.
    event Appended(uint256 indexed sequence, bytes batch);

    /// @notice A new log, empty: its head is its id. Whoever deploys it has no rights to it.
    /// @dev The hash of the parent block gives each deployment an id that nobody knew before. It
    /// fails in the first block of a chain, which has no parent, and takes no ether.
    constructor() {
        logId = keccak256(abi.encode(block.chainid, address(this), blockhash(block.number - 1)));
        head = logId;
    }

    /// @notice Append one batch. The head becomes `keccak256(abi.encode(head, kind,
    /// keccak256(batch), sequence, block.number, block.timestamp))`, with kind 0.
    /// @dev Nothing that the caller says is trusted, there is no call to anybody, and it takes no
    /// ether. Small batches pay for two storage slots and the event, 33,887 gas if empty. From 13
    /// creates on the floor price of their call data (EIP-7623) is more than all that is done here.
    /// @param batch Any bytes; readers say what is valid.
    function append(bytes calldata batch) external {
        uint256 position = ++sequence;
        head = keccak256(
            abi.encode(head, 0, keccak256(batch), position, block.number, block.timestamp)
        );
        emit Appended(position, batch);
    }
}
