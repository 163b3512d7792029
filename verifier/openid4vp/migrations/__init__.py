"""Migrations of the store `verifier requests` (``keyborn.storage.migrations``)."""
