"""What is wrong with an installation, and what to do about it: ``keyborn doctor``.

Each thing is looked at by itself, so that one that is wrong does not hide the next. Nothing is
changed anywhere: stores are opened to be read, and services are asked, never told.
"""
