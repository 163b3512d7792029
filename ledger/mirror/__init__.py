"""Mirrors: the log's entries as files that anybody may copy and serve, and that nobody believes."""
