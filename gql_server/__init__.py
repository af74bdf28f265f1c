"""The front door: everything between a client's connection, or the command line, and the GraphQL contract.

What GraphQL's types and fields mean lives in `schema`. Rooms are listed in the layers contract in pyproject.toml,
each above those that it may import.
"""
