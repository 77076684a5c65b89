"""Supabase Auth's admin API behind our own Protocol, errors included."""

from app.integrations.auth_admin.protocol import (
    AccountBannedError,
    AddressRefusedError,
    AddressTakenError,
    AuthAdmin,
    AuthHookUnavailableError,
    AuthKeyRefusedError,
    AuthLimitError,
    AuthRefusedError,
    AuthUnavailableError,
    AuthUser,
    PasswordRefusedError,
)
from app.integrations.auth_admin.supabase import SupabaseAuthAdmin

__all__ = [
    "AccountBannedError",
    "AddressRefusedError",
    "AddressTakenError",
    "AuthAdmin",
    "AuthHookUnavailableError",
    "AuthKeyRefusedError",
    "AuthLimitError",
    "AuthRefusedError",
    "AuthUnavailableError",
    "AuthUser",
    "PasswordRefusedError",
    "SupabaseAuthAdmin",
]
