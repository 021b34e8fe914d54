"""The routing file and the settings: text in; a routing table, or every problem, out.

No text makes it raise anything else. Nothing in here touches a queue or a service.
"""
