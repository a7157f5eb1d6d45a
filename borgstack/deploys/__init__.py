"""What verbs run beside deploy.py: pyinfra deploys like it, under the same lock."""
