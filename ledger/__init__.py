"""The ledger: operations, the log, embedded, Ethereum, registrar, reader and resolver."""
