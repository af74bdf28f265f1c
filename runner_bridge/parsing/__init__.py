"""Parser processes: functions that take long are called in processes of their own.

Here lives how such a process is started, called and ended. What is parsed is decided by the callers, `sessions`
and `benchmarks`.
"""
