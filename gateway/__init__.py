"""sqs-version-gateway."""
