"""What all nouns share: the context, ids, times, errors, enums, pages, cursors, permissions, costs, feeds.

No noun's own type may live here; those that others refer to are named in references.
"""
