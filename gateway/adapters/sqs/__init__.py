"""The source that is an SQS queue."""
