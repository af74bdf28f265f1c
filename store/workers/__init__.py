"""Workers: who is at work, how much each may execute, and facts about the whole for doctor and metrics.

Whether a silent worker is gone is decided in runner_bridge.worker.
"""
