"""The real process, `python -m gateway`, against moto or the emulator and services that record."""
