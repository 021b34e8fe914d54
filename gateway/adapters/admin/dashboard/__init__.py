"""The dashboard: one page, the stream of frames that it shows, and what they are made of."""
