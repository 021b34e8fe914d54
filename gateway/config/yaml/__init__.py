"""YAML text to a tree of plain values that know their lines."""
