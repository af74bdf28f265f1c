"""PostgreSQL: everything the server keeps, and the only package that speaks to the database.

`model` has the domain types, `errors` what the store raises, `sql` the statements. Each other package is about one
thing that is stored, or one way to read it; pyproject.toml declares their order. Nothing here knows GraphQL, HTTP
or runners.
"""
