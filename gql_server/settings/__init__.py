"""The settings: each declared once, with its type, default and meaning, and read from the environment.

The lowest room: it imports no other, and holds no behaviour beyond checking values.
"""
