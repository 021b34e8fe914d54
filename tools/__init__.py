"""What the project is measured and tried with: emulator, bench, guard, chaos, fuzz.

Each folder is one tool, with its own tests beside it.
"""
