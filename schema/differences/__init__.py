"""What differs between two texts, two definitions or two executions, as data. Pure: no database, no GraphQL."""
