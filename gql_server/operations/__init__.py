"""What happens to a request, whatever brought it: read, measured, validated, executed, and answered in JSON.

HTTP, server-sent events and websockets differ in how they carry these steps, not in the steps.
"""
