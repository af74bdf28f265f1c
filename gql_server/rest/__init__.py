"""/api/v1: the routes of the old server over our store, for its page and for scripts; REEV_GQL_REST turns them on.

Each route calls the function that the GraphQL resolver calls. What may not be here: rules of its own about
executions, benchmarks or agents. `operations.py` lists the routes; router and OpenAPI document are made of that.
"""
