"""Two executions side by side: the types and the query. The comparing itself is in differences."""
