"""Plumbing that every role stands on: command line, HTTP, storage, files and logs.

It knows nothing of DIDs, credentials or ledgers.
"""
