"""Migrations of the store `verifier sessions` (``keyborn.storage.migrations``)."""
