"""Which version a message belongs to: routes, rules, splits and the decision."""
