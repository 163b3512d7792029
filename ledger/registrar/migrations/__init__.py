"""Migrations of the store `registrar` (``keyborn.storage.migrations``)."""
