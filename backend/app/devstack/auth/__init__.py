"""A stand-in for Supabase Auth that supabase-js and supabase-py accept, for development only."""

from app.devstack.auth.app import create_auth_app
from app.devstack.auth.keys import SigningKeys
from app.devstack.auth.seed import Identity, identity_id, seed_identities
from app.devstack.auth.service import Message
from app.devstack.auth.store import AuthStore

__all__ = [
    "AuthStore",
    "Identity",
    "Message",
    "SigningKeys",
    "create_auth_app",
    "identity_id",
    "seed_identities",
]
