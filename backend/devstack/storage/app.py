from typing import Final

from starlette.applications import Starlette

from app.core.clock import Clock, utc_now
from devstack.guard import local_cors, refuse_production
from devstack.storage.buckets import BucketEndpoints
from devstack.storage.errors import HANDLERS
from devstack.storage.objects import ObjectEndpoints
from devstack.storage.service import StorageService
from devstack.storage.store import StorageStore
from devstack.storage.tokens import UrlTokens
from devstack.storage.uploads import UploadEndpoints

_EXPOSED_HEADERS: Final = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
)


def create_storage_app(
    store: StorageStore,
    *,
    service_key: str,
    environment: str,
    now: Clock = utc_now,
    host: str = "127.0.0.1",
) -> Starlette:
    """Supabase Storage for development, to be mounted at `/storage/v1` of `host`.

    Only holders of the service key and of signed URLs get in. Raises `RuntimeError` in production.
    """
    refuse_production(environment, "Supabase Storage")
    tokens = UrlTokens.load_or_create(store.folder / "url-signing.key", now)
    storage = StorageService(store, tokens, service_key)
    endpoints = (BucketEndpoints(storage), ObjectEndpoints(storage), UploadEndpoints(storage))
    return Starlette(
        routes=[route for endpoint in endpoints for route in endpoint.routes()],
        middleware=[local_cors(_EXPOSED_HEADERS, host)],
        exception_handlers=HANDLERS,
    )
