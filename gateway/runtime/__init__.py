"""The moving parts: asyncio, ports and core, nothing else."""
