"""A stand-in for Supabase Auth that supabase-js and supabase-py accept, for development only."""

from devstack.auth.app import create_auth_app
from devstack.auth.hooks import Hooks, HttpHook, SqlHook
from devstack.auth.keys import SigningKeys
from devstack.auth.project import Project
from devstack.auth.seed import Identity, identity_id, seed_identities
from devstack.auth.service import Message
from devstack.auth.store import AuthStore

__all__ = [
    "AuthStore",
    "Hooks",
    "HttpHook",
    "Identity",
    "Message",
    "Project",
    "SigningKeys",
    "SqlHook",
    "create_auth_app",
    "identity_id",
    "seed_identities",
]
