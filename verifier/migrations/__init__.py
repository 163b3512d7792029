"""Migrations of the store `verifier` (``keyborn.storage.migrations``)."""
