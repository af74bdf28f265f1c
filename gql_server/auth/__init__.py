"""Who may do what: bearer tokens, the scope that each route needs, and the rules for Host and Origin.

Nothing here writes a response: a refusal is raised as BadRequest, and the transport answers it.
"""
