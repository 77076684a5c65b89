"""Supabase's keys of a project: one for browsers, one for servers."""

import jwt


def is_publishable_key(key: str) -> bool:
    """Tell the key for browsers, in its present form or as the older token of `anon`."""
    if key.startswith("sb_publishable_"):
        return True
    try:
        claims = jwt.decode(key, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return False
    return claims.get("role") == "anon"
