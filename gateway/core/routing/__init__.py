"""Routing: routes, rules, splits, and the decision which version a message belongs to."""
