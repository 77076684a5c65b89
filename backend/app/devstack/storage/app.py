from typing import Final

from starlette.applications import Starlette

from app.core.clock import Clock, utc_now
from app.devstack.guard import loopback_cors, refuse_production
from app.devstack.storage.buckets import BucketEndpoints
from app.devstack.storage.errors import HANDLERS
from app.devstack.storage.objects import ObjectEndpoints
from app.devstack.storage.service import StorageService
from app.devstack.storage.store import StorageStore
from app.devstack.storage.tokens import UrlTokens
from app.devstack.storage.uploads import UploadEndpoints

_EXPOSED_HEADERS: Final = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
)


def create_storage_app(
    store: StorageStore, *, service_key: str, environment: str, now: Clock = utc_now
) -> Starlette:
    """Supabase Storage for development, to be mounted at `/storage/v1`.

    Only holders of the service key and of signed URLs get in. Raises `RuntimeError` in production.
    """
    refuse_production(environment, "Supabase Storage")
    tokens = UrlTokens.load_or_create(store.folder / "url-signing.key", now)
    storage = StorageService(store, tokens, service_key)
    endpoints = (BucketEndpoints(storage), ObjectEndpoints(storage), UploadEndpoints(storage))
    return Starlette(
        routes=[route for endpoint in endpoints for route in endpoint.routes()],
        middleware=[loopback_cors(_EXPOSED_HEADERS)],
        exception_handlers=HANDLERS,
    )
