"""GraphQL over HTTP: what is accepted, how it is read, and with which status and media type it is answered."""
