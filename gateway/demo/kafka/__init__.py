"""The demo with a Kafka topic in the place of the queue; needs the extra `kafka`."""
