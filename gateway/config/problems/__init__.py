"""What is wrong with a routing file or a setting, and how that is printed."""
