"""The auditor's pack: a ZIP that is made piece by piece and can be checked with the verifier."""

import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson

from app.core.errors import InvalidPayloadError, NotFoundError
from app.core.files.zip_stream import ZipStream
from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.domain.evidence.audit_pack import FORMAT
from app.domain.evidence.seal import GENESIS
from app.repositories.compliance.report_scope import ReportScope
from app.repositories.evidence.audit_pack_scope import PackScope
from app.services.base import Service
from app.services.evidence.audit_pack.members import Contents, Progress, members
from app.services.evidence.audit_pack.spool import once
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PackQuery:
    from_day: date | None = None
    to_day: date | None = None
    location_id: uuid.UUID | None = None
    user_id: uuid.UUID | None = None
    module_id: uuid.UUID | None = None
    as_of: date | None = None
    """The day whose compliance the pack shows; None for today, where whoever asks works."""

    known_on: date | None = None
    """The day whose knowledge that is; None for today. Evidence is never left out for it."""


@dataclass(slots=True)
class AuditPack:
    """`manifest_sha256` is known when `stream` has ended."""

    pack_id: uuid.UUID
    made_at: datetime
    asked: ReportScope
    records: int
    stream: AsyncGenerator[bytes] = field(init=False)
    manifest_sha256: str | None = None
    seal_head: str = GENESIS

    @property
    def filename(self) -> str:
        return f"audit-pack-{self.made_at:%Y%m%dT%H%M%SZ}.zip"


class AuditPackService(Service):
    async def open(self, query: PackQuery, progress: Progress | None = None) -> AuditPack:
        """Check the scope, write an audit event, and return the pack to be streamed.

        `progress` is told how many records have been written.
        """
        async with self.work() as uow:
            scope = await _scope(uow, query)
            asked = _asked(query, await uow.employment.office_day_of(uow.actor_id))
            count = await uow.audit_packs.record_count(scope)
            pack_id, made_at = new_id(), await uow.now()
            after = {**_described(query), **_days(asked), "records": count}
            await uow.audit(AuditAction.AUDIT_PACK_REQUESTED, pack_id, after=after)
        pack = AuditPack(pack_id, made_at, asked, count)
        pack.stream = self._stream(pack, query, scope, progress or _untold)
        return pack

    async def _stream(
        self, pack: AuditPack, query: PackQuery, scope: PackScope, progress: Progress
    ) -> AsyncGenerator[bytes]:
        archive = ZipStream(pack.made_at)
        async with self.snapshot() as uow:
            count = await uow.audit_packs.record_count(scope)
            contents = Contents(scope, pack.asked, count)
            async for name, chunks in members(uow, contents, progress):
                async for piece in archive.add(name, chunks):
                    yield piece
        pack.records, pack.seal_head = contents.records, contents.seal_head
        manifest = _manifest(pack, query, archive.digests)
        async for piece in archive.add("manifest.json", once(manifest)):
            yield piece
        pack.manifest_sha256 = archive.digests["manifest.json"][0]
        yield archive.close()
        await self._note(pack)

    async def _note(self, pack: AuditPack) -> None:
        """Store the manifest's hash in the audit trail, so that changes of the pack are noticed."""
        async with self.work() as uow:
            after = {"manifest_sha256": pack.manifest_sha256, "records": pack.records}
            await uow.audit(AuditAction.AUDIT_PACK_COMPLETED, pack.pack_id, after=after)


async def _scope(uow: UnitOfWork, query: PackQuery) -> PackScope:
    if query.from_day and query.to_day and query.from_day > query.to_day:
        raise InvalidPayloadError.at("query:from", "after_end", "The period ends before it starts")
    location = None
    if query.location_id is not None:
        location = await uow.locations.by_id(query.location_id)
        if location is None:
            raise NotFoundError("location")
    if query.user_id is not None and await uow.users.by_id(query.user_id) is None:
        raise NotFoundError("user")
    if query.module_id is not None and await uow.modules.not_deleted(query.module_id) is None:
        raise NotFoundError("module")
    return PackScope(
        from_day=query.from_day,
        to_day=query.to_day,
        location_id=query.location_id,
        location_name=location.name if location else None,
        user_id=query.user_id,
        module_id=query.module_id,
    )


def _asked(query: PackQuery, today: date) -> ReportScope:
    return ReportScope(
        query.as_of or today,
        locations=(str(query.location_id),) if query.location_id else (),
        user_ids=(query.user_id,) if query.user_id else (),
        known_on=query.known_on if query.known_on and query.known_on < today else None,
        module_id=query.module_id,
    )


def _days(asked: ReportScope) -> dict[str, date | None]:
    return {"as_of": asked.as_of, "known_on": asked.known_on}


def _described(query: PackQuery) -> dict[str, Any]:
    return {
        "from": query.from_day,
        "to": query.to_day,
        "location_id": query.location_id,
        "user_id": query.user_id,
        "module_id": query.module_id,
    }


def _manifest(pack: AuditPack, query: PackQuery, digests: Mapping[str, tuple[str, int]]) -> bytes:
    manifest = {
        "format": FORMAT,
        "pack_id": pack.pack_id,
        "made_at": pack.made_at,
        "scope": _described(query),
        "compliance": _days(pack.asked),
        "records": pack.records,
        "seal_head": pack.seal_head,
        "files": {
            name: {"sha256": sha256, "bytes": size} for name, (sha256, size) in digests.items()
        },
    }
    return orjson.dumps(manifest, default=str, option=orjson.OPT_INDENT_2)


def _untold(_records: int) -> None:
    """Ignore the progress, for callers that do not show it."""
