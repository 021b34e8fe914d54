"""What a service mesh would do with a request, for messages: a followed object, read and compiled.

An object is read once (`virtual_service`, `http_route`) and compiled once for a route
(`evaluator`); each message is then a look at its headers. Nothing in here sends anything.
"""
