"""The source and the targets that are Kafka topics, by librdkafka; needs the extra `kafka`.

Modules that import `confluent_kafka` are themselves imported only where a route has `kafka`.
"""
