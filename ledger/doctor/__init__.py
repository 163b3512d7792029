"""What is wrong with a configuration, and what to do about it: ``keyborn ledger doctor``.

Everything that reading and writing a log depends on is tried by itself, so that one thing that is
wrong does not hide the next. Nothing is changed anywhere.

=============  =========================================================
``ethereum``   the nodes, and the account that pays
``local``      the log as it is read, the registrar, the index, the clock
=============  =========================================================
"""
