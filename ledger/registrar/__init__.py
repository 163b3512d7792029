"""The registrar: takes operations over HTTP, keeps them durably, puts them on the log in batches.

It can delay an operation or leave it out; it can neither forge nor alter one. What it says of an
operation is for convenience: who depends on it looks at the log through a reader of its own.

========================  ===================================================================
``messages``              operations and their statuses as JSON
``outbox``                what was acknowledged and what was prepared, in a database
``registrar``             accepts, batches, submits, follows
``routes``                ``POST /v1/operations``, ``GET /v1/operations/{hash}``
``client``                the other end of these
========================  ===================================================================
"""
