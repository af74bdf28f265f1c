"""`reev-gql export`: the command with its options, and how an export becomes a file that is whole or not there."""
