"""Small tools for an asyncio event loop. They know nothing of the gateway."""
