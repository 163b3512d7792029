"""Migrations of the store `issuer` (``keyborn.storage.migrations``)."""
