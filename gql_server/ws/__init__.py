"""GraphQL over websockets: the protocol graphql-transport-ws."""
