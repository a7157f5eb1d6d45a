"""What is there now: one fact is one command on the host and one value."""
