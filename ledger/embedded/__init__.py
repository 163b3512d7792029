"""The embedded ledger: the log in one SQLite file, its heads signed by its own key."""
