import ssl
from functools import cache

import httpx


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Read the authorities once a process; each client would read them again, for 25 ms."""
    return httpx.create_ssl_context()
