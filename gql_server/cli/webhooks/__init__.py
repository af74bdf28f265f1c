"""The commands of `reev-gql webhooks`."""
