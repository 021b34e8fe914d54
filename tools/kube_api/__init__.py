"""The Kubernetes API server of `gateway.demo.kubernetes` for tests: over HTTPS, in their loop."""
