"""Figures of attempts: the leaderboard, and two sets side by side."""
