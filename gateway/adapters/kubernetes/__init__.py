"""The Kubernetes API over plain HTTPS: no client library, and nothing that one message needs."""
