"""`/docs`: Swagger UI from a package, so that the page loads nothing from other servers."""

from importlib.resources import files

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

OPENAPI_PATH = "/openapi.json"

_ASSETS = files("fastapi_swagger") / "resources"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Unified Dental training</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
# Addresses are relative, so that the page also works if a proxy serves the API below a path.
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null
});
"""
_TYPES = {
    "favicon-32x32.png": "image/png",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
# Swagger UI writes style attributes, so inline styles are allowed. Inline scripts are not, because
# the page has none.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def add_routes(app: FastAPI) -> None:
    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/start.js", _start, include_in_schema=False)
    app.add_route("/docs/{name}", _asset, include_in_schema=False)


async def _page(_request: Request) -> Response:
    headers = {"Content-Security-Policy": _POLICY}
    return Response(_PAGE, headers=headers, media_type="text/html")


async def _start(_request: Request) -> Response:
    return Response(_START, media_type="text/javascript")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_ASSETS.joinpath(name).read_bytes(), headers=headers, media_type=_TYPES[name])
