"""Where the state of rollouts is kept: in memory, in a file, or in a Kubernetes ConfigMap."""
