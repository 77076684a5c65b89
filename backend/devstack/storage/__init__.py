"""A stand-in for Supabase Storage that supabase-js and supabase-py accept, for development only."""

from devstack.storage.app import create_storage_app
from devstack.storage.store import StorageStore

__all__ = ["StorageStore", "create_storage_app"]
