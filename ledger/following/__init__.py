"""``keyborn ledger follow``: a reader's index, and a mirror, kept in step with the chain.

============  ===============================================================
``follower``  one look after the other, and what came of each
``progress``  bars while there is much to fetch or to replay
``report``    what happened, one line each
============  ===============================================================
"""
