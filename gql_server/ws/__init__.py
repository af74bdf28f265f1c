"""GraphQL over websockets: the protocol graphql-transport-ws, its frames, pings and closing.

What an operation does is in `operations`; here is how it is carried.
"""
