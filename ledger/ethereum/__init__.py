"""The ledger on Ethereum: the contract ``DidLog``, read without trust in the node that is asked.

Reading needs no more than HTTP, RLP and Merkle-Patricia proofs. Writing signs transactions, with
web3; only ``ledger.ethereum.ledger`` and ``ledger.ethereum.deploy`` import it, since that alone
takes a second. Import what you need from its module.
"""
