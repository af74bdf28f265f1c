"""The schema's revisions, for Alembic: each file in versions/ runs the script of the same name in sql/.

A revision that was released never changes. store.postgres.migrate applies them.
"""
