"""The registrar: takes operations over HTTP, keeps them durably, puts them on the log in batches.

It can delay an operation or leave it out; it can neither forge nor alter one. What it says of an
operation is for convenience: who depends on it looks at the log through a reader of its own.

========================  ===================================================================
``messages``              operations and their statuses as JSON
``desk``                  where operations are handed in: judged, and kept
``outbox``                what was acknowledged and what was prepared, in a database
``outbox_tables``         its tables, and what a row of them is
``tally``                 how much there is of everything in it
``dispatch``              from the outbox onto the log, and back where the log let go
``room``                  how many operations one submission has room for
``effects``               what the log has of operations that were accepted
``standing``              where an operation stands
``registrar``             puts these together, with a thread that dispatches
``metrics``               what it does, for Prometheus
``routes``                ``POST /v1/operations``, ``GET /v1/operations/{hash}``
``client``                the other end of these
========================  ===================================================================
"""
