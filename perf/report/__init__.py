"""Figures: how they are summed up, shown, saved and compared, and the goals that they are held to."""
