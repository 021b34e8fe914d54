"""A Kubernetes API server in memory: objects of any kind, lists, watches, and scripted trouble.

It takes bearer tokens, and keeps what the API's concepts page promises of resourceVersions, lists,
watches, bookmarks, merge patches and conflicts; it validates nothing.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""
