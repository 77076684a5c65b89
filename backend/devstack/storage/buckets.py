from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.body import read_body
from devstack.storage.errors import Failure, StorageError
from devstack.storage.schemas import BucketOptions, NewBucket, checked_bucket_name
from devstack.storage.service import StorageService


class BucketEndpoints:
    def __init__(self, storage: StorageService) -> None:
        self._storage = storage

    def routes(self) -> list[Route]:
        return [
            Route("/bucket", self.list_all),
            Route("/bucket", self.create, methods=["POST"]),
            Route("/bucket/{bucket}", self.get),
            Route("/bucket/{bucket}", self.update, methods=["PUT"]),
        ]

    async def list_all(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        buckets = await self._storage.store.buckets.all()
        return JSONResponse([bucket.model_dump(mode="json") for bucket in buckets])

    async def create(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        params = await read_body(request, NewBucket)
        bucket_id = checked_bucket_name(params.id or params.name)
        if not await self._storage.store.buckets.create(bucket_id, params):
            raise StorageError(Failure.ALREADY_EXISTS)
        return JSONResponse({"name": bucket_id})

    async def get(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        bucket = await self._storage.bucket(request.path_params["bucket"])
        return JSONResponse(bucket.model_dump(mode="json"))

    async def update(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        params = await read_body(request, BucketOptions)
        if not await self._storage.store.buckets.update(request.path_params["bucket"], params):
            raise StorageError(Failure.NO_SUCH_BUCKET)
        return JSONResponse({"message": "Successfully updated"})
