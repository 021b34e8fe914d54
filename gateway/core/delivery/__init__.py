"""What is sent to a version, and what its response means for the message."""
