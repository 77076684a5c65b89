from dataclasses import dataclass, field

from starlette.requests import Request

from devstack.guard import presented_key, same_key
from devstack.storage.errors import Failure, StorageError
from devstack.storage.schemas import Bucket, StoredObject, checked_key
from devstack.storage.store import StorageStore
from devstack.storage.tokens import UrlTokens


@dataclass(frozen=True)
class StorageService:
    store: StorageStore
    tokens: UrlTokens
    service_key: str = field(repr=False)

    def require_service_key(self, request: Request) -> None:
        presented = presented_key(request)
        if not presented or not same_key(presented, self.service_key):
            raise StorageError(Failure.ACCESS_DENIED)

    async def bucket(self, bucket_id: str) -> Bucket:
        bucket = await self.store.buckets.get(bucket_id)
        if bucket is None:
            raise StorageError(Failure.NO_SUCH_BUCKET)
        return bucket

    async def object(self, bucket_id: str, key: str) -> StoredObject:
        found = await self.store.objects.get(bucket_id, checked_key(key))
        if found is None:
            raise StorageError(Failure.NO_SUCH_KEY)
        return found
