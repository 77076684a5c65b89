"""A stand-in for Supabase Realtime that the real clients accept, for development only.

It sends `postgres_changes` of the published tables, to those who may read the rows. Broadcast and
presence are not there.
"""

from devstack.realtime.app import create_realtime_app
from devstack.realtime.feed import Feed

__all__ = ["Feed", "create_realtime_app"]
