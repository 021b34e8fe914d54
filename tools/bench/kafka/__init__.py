"""The gateway on a topic, beside itself on a queue; the broker is tansu, in memory."""
