"""The stand-ins for Supabase, and the settings with which the API finds them."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping

from starlette.types import ASGIApp

from app.core.config import Environment, Settings
from app.core.postgres.table_security import API_ROLE
from app.domain.content.media.file import MediaType
from app.services.content.seed import demonstration_identities
from devstack.auth import (
    AuthStore,
    Identity,
    Project,
    SigningKeys,
    create_auth_app,
    identity_id,
    seed_identities,
)
from devstack.mailbox import Mailbox
from devstack.options import DATABASE, PASSWORD, SECRET_KEY, Options, Seed
from devstack.postgres import EmbeddedPostgres
from devstack.realtime import Feed, create_realtime_app
from devstack.storage import StorageStore, create_storage_app
from devstack.storage.schemas import BucketOptions


def settings_at(origin: str, postgres: EmbeddedPostgres, database: str = DATABASE) -> Settings:
    return Settings.model_validate(
        {
            "environment": Environment.DEVELOPMENT,
            "database_url": postgres.dsn(database, API_ROLE),
            "migration_database_url": postgres.dsn(database),
            "supabase_url": origin,
            "supabase_secret_key": SECRET_KEY,
            "metrics_enabled": True,
        }
    )


@contextlib.asynccontextmanager
async def stand_ins(
    settings: Settings, dsn: str, options: Options, identities: Mapping[str, str]
) -> AsyncIterator[Mapping[str, ASGIApp]]:
    """Give them by the path below which they answer. `identities` are names by address."""
    environment = settings.environment.value
    mailbox = Mailbox(settings.issuer)
    async with (
        AuthStore.open(dsn) as accounts,
        StorageStore.open(dsn, options.data_dir / "storage") as objects,
        Feed.open(dsn) as feed,
    ):
        await seed_identities(accounts, _with_password(identities))
        keys = SigningKeys.load_or_create(options.data_dir / "auth-signing-keys.json")
        auth = create_auth_app(
            accounts,
            keys,
            issuer=settings.issuer,
            service_key=SECRET_KEY,
            environment=environment,
            access_token_seconds=options.access_token_seconds,
            deliver=mailbox.deliver,
            site_url=options.site_url,
            project=Project.configured(),
        )
        await _make_bucket(objects, settings)
        storage = create_storage_app(
            objects, service_key=SECRET_KEY, environment=environment, host=options.host
        )
        realtime = create_realtime_app(feed, keys, issuer=settings.issuer, environment=environment)
        yield {
            "/auth/v1": auth,
            "/storage/v1": storage,
            "/realtime/v1": realtime,
            "/mailbox": mailbox.app(),
        }


def those_who_sign_in(options: Options) -> dict[str, str]:
    if options.seed is Seed.NOTHING:
        return {}
    return {person.email: person.full_name for person in demonstration_identities()}


def _with_password(identities: Mapping[str, str]) -> Iterable[Identity]:
    for email, full_name in identities.items():
        yield Identity(email, PASSWORD, full_name, identity_id(email))


async def _make_bucket(objects: StorageStore, settings: Settings) -> None:
    """As `supabase/config.toml` makes it in a real project."""
    options = BucketOptions(
        file_size_limit=max(settings.media_section_max_bytes, settings.media_evidence_max_bytes),
        allowed_mime_types=[kind.value for kind in MediaType],
    )
    await objects.buckets.create(settings.storage_bucket, options)
    await objects.buckets.update(settings.storage_bucket, options)
