"""The `reev-gql` command: it starts the server and its parts, and talks to a running server over GraphQL.

Options, questions to the server and what is printed live here; what a command does in this process does not.
"""
