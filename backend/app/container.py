"""The composition root: what a process holds is made here, for requests and commands alike."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from app.core.auth.jwks import JwksKeys
from app.core.auth.security import TokenCache, TokenVerifier
from app.core.config import Settings
from app.core.database import Database
from app.core.metrics import Metrics
from app.core.tls import trusted_authorities
from app.integrations.auth_admin import SupabaseAuthAdmin
from app.integrations.file_storage import SupabaseFileStorage
from app.services.factories import Services
from app.services.people.user_sync import UserSync
from app.services.study.content_cache import ContentCache


@dataclass(slots=True)
class Container(Services):
    """The services of a process, with what has to be closed at its end."""

    http: httpx.AsyncClient

    @classmethod
    def build(cls, settings: Settings, *, owner: bool = False) -> "Container":
        """Make everything without I/O: connections open at their first use.

        `owner` connects as the owner of the schema instead of as the API's role.
        """
        database = Database.from_settings(settings, owner=owner)
        http = httpx.AsyncClient(timeout=5.0, verify=trusted_authorities())
        auth = SupabaseAuthAdmin(
            settings.supabase_url, settings.supabase_secret_key.get_secret_value()
        )
        return cls(
            settings=settings,
            database=database,
            auth=auth,
            storage=SupabaseFileStorage(
                settings.supabase_url,
                settings.supabase_secret_key.get_secret_value(),
                settings.storage_bucket,
            ),
            verifier=_verifier(settings, http),
            sync=UserSync(
                database,
                auth,
                bootstrap_admin_email=settings.bootstrap_admin_email,
                sign_up_domains=settings.signup_email_domains,
            ),
            cache=ContentCache(settings.content_cache_bytes),
            metrics=Metrics(database),
            http=http,
        )

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, *, owner: bool = False) -> AsyncIterator[Services]:
        """Make it for a command, and close it at its end."""
        container = cls.build(settings, owner=owner)
        try:
            yield container
        finally:
            await container.close()

    async def close(self) -> None:
        await self.auth.close()
        await self.storage.close()
        await self.http.aclose()
        await self.database.close()


def _verifier(settings: Settings, http: httpx.AsyncClient) -> TokenVerifier:
    secret = settings.supabase_jwt_secret
    return TokenVerifier(
        JwksKeys(f"{settings.issuer}/.well-known/jwks.json", http),
        issuer=settings.issuer,
        oauth_clients=settings.oauth_clients,
        legacy_secret=secret.get_secret_value() if secret else None,
        cache=TokenCache(settings.token_cache_size, settings.token_cache_seconds),
    )
