"""What tool logs hold: lines, the calls that they tell of, and how far a flow has come."""
