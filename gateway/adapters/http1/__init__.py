"""An HTTP/1.1 client on httptools: connections, a pool, one exchange at a time."""
