"""Evaluations by command line: pure rules, and whole commands against a server."""
