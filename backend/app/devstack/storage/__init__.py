"""A stand-in for Supabase Storage that supabase-js and supabase-py accept, for development only."""

from app.devstack.storage.app import create_storage_app
from app.devstack.storage.store import StorageStore

__all__ = ["StorageStore", "create_storage_app"]
