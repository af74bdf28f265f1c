"""What is configured about agents: addresses, models and API keys, and a test of the connection.

The agents themselves are in the runners. API keys leave this room only into a runner's environment and into the
request of a connection test.
"""
