"""The processes `reev-gql serve` and `reev-gql worker`: start-up, application, shutdown, logs, metrics, probes.

This room puts the others together; no room but the command line and the doctor imports it.
"""
