"""What is done with a request, whichever transport brought it: queries, mutations, subscriptions and their limits.

Nothing here knows HTTP or websockets, which differ in how they carry these steps and not in the steps.
"""
