"""The pages for people: the dashboard, GraphiQL, flows, and the files under /static.

Each answers with files or with HTML; data comes from /graphql.
"""
