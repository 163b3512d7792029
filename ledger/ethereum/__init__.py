"""The ledger on Ethereum: the contract ``DidLog``, read without trust in the node that is asked.

Reading needs no more than HTTP, RLP and Merkle-Patricia proofs. Writing encodes calls with web3 and
signs with its ``eth-account``; only ``ledger.ethereum.ledger`` loads web3, which takes a second
(docs/adr/0009-reading-without-web3.md). Import what you need from its module.
"""
