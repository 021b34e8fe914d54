"""Reads YAML into a tree of plain values, each with its line."""
