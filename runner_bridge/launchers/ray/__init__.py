"""Runners on a Ray cluster: one named, detached actor per execution, found again by any worker.

`ray_launcher` starts, finds and ends them; `written_files` brings what they write to the worker. `engine` talks
to `driver`, the one program here that imports Ray: Ray ends its process when it loses the cluster, and no worker
may end with it. `node` is what an actor does on its node: it starts a local process there, as a worker does here.
"""
