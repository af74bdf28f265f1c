"""What changes, as it changes: the listener, the hub, and feeds of events, benchmarks, output and the queue.

Everything here reads; what it reports was committed by another package. It is read once per process, however many
follow it.
"""
