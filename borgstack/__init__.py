"""Chatwoot on your own servers, as desired state. `deploy.py` is where to start reading."""
