"""The subscriptions to executions, benchmarks and the queue.

`executionLog` is in executions.output, `batchUpdates` in batches.batch, beside the types they stream.
"""
