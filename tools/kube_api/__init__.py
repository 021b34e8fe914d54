"""A Kubernetes API server for tests: objects of any kind, lists, watches, and scripted trouble.

In memory, over HTTPS with a bearer token. It keeps what the API's concepts page promises of
resourceVersions, lists, watches, bookmarks, merge patches and conflicts; it validates nothing.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""
