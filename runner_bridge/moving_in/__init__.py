"""Moving in: what the rows of a reev database mean, and how they become executions and benchmarks of ours.

Here lives which rows tell of the same execution, what is taken from which of them, and what is reported. How the
file is read safely is in `reev_database`, how executions are stored in the store.
"""
