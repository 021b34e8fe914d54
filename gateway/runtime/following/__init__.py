"""Routes that follow objects of a mesh: what they follow, and that each change is in force."""
