"""What must fit together in a routing file, beyond each value by itself."""
