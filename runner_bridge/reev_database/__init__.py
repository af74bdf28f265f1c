"""The SQLite file in which reev itself keeps its history, read with the standard library alone.

Here lives how such a file is copied, opened and read: it may be in use, damaged or made to do harm. What its
rows mean is not decided here. The file and its folder are never written.
"""
