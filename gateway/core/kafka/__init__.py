"""What only Kafka needs of the rules: the plan of a topic, its records, and their offsets."""
