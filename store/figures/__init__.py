"""Figures of attempts: sums per benchmark revision, what they say and how surely, and two sets side by side.

Statistics are pure functions (`intervals`, `rates`, `attempts`, `comparing`); `reading` gets the sums.
"""
