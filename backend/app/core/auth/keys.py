"""The two kinds of API keys of a Supabase project: publishable (for browsers) and secret."""

import jwt


def is_publishable_key(key: str) -> bool:
    """Tell whether this is the publishable key, or the older `anon` token in its place."""
    if key.startswith("sb_publishable_"):
        return True
    try:
        claims = jwt.decode(key, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return False
    return claims.get("role") == "anon"
