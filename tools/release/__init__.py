"""What a release needs beside the tests; when it is made, and by what: RELEASING.md.

Only the standard library and the gateway's version: it runs before anything is installed.
"""
