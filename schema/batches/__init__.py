"""Batches: executions that were requested together, the mutation that requests them, and their progress."""
