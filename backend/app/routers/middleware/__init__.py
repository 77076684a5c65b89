"""Pure ASGI middleware, because BaseHTTPMiddleware starts another task for every request."""
