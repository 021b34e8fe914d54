"""Text in, a routing table out. Whatever the text is, the answer is a table or a list of problems.

Nothing in here touches a queue or a service.
"""
