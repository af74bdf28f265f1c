"""GraphQL over HTTP: how a request is read, and with which status, media type and headers it is answered.

Also what both transports share: how many streams may be open, and how many bytes may wait to be read.
"""
