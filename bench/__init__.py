"""Measurements that the documentation quotes, each a script that prints what it found.

They are run from the project's folder, as ``make`` does, and are not distributed.
"""
