import stat
from pathlib import Path

import jwt
import pytest

from devstack.auth import SigningKeys

ISSUER = "http://127.0.0.1/auth/v1"


def sign(keys: SigningKeys) -> str:
    return keys.sign({"iss": ISSUER, "aud": "authenticated", "sub": "somebody"})


def verify(keys: SigningKeys, token: str) -> object:
    return keys.verify(token, issuer=ISSUER, audience="authenticated")["sub"]


def test_only_the_owner_can_read_the_key_file(tmp_path: Path) -> None:
    SigningKeys.load_or_create(tmp_path / "keys.json")
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_tokens_survive_a_restart(tmp_path: Path) -> None:
    token = sign(SigningKeys.load_or_create(tmp_path / "keys.json"))
    assert verify(SigningKeys.load_or_create(tmp_path / "keys.json"), token) == "somebody"


def test_publishes_public_halves_alone(tmp_path: Path) -> None:
    keys = SigningKeys.load_or_create(tmp_path / "keys.json")
    (published,) = keys.jwks()["keys"]
    assert "d" not in published
    assert published["kid"] == jwt.get_unverified_header(sign(keys))["kid"]
    assert (published["alg"], published["kty"], published["use"]) == ("ES256", "EC", "sig")
    jwt.decode(sign(keys), jwt.PyJWK(published), algorithms=["ES256"], audience="authenticated")


def test_rotation_signs_anew_and_keeps_two_predecessors(tmp_path: Path) -> None:
    keys = SigningKeys.load_or_create(tmp_path / "keys.json")
    tokens = [sign(keys)]
    for _ in range(3):
        keys.rotate()
        tokens.append(sign(keys))
    assert len({jwt.get_unverified_header(token)["kid"] for token in tokens}) == 4
    reloaded = SigningKeys.load_or_create(tmp_path / "keys.json")
    assert [verify(reloaded, token) for token in tokens[1:]] == ["somebody"] * 3
    with pytest.raises(jwt.InvalidTokenError, match="unknown key"):
        verify(reloaded, tokens[0])


def test_a_key_that_stands_by_is_published_before_it_signs(tmp_path: Path) -> None:
    keys = SigningKeys.load_or_create(tmp_path / "keys.json")
    keys.stand_by()
    published = [key["kid"] for key in keys.jwks()["keys"]]
    assert jwt.get_unverified_header(sign(keys))["kid"] == published[0]
    keys.rotate()
    assert jwt.get_unverified_header(sign(keys))["kid"] == published[1]


def test_a_revoked_key_verifies_nothing(tmp_path: Path) -> None:
    keys = SigningKeys.load_or_create(tmp_path / "keys.json")
    token = sign(keys)
    keys.rotate()
    keys.revoke()
    assert len(keys.jwks()["keys"]) == 1
    with pytest.raises(jwt.InvalidTokenError, match="unknown key"):
        verify(keys, token)


def test_refuses_the_tokens_of_another_installation(tmp_path: Path) -> None:
    token = sign(SigningKeys.load_or_create(tmp_path / "one.json"))
    with pytest.raises(jwt.InvalidTokenError):
        verify(SigningKeys.load_or_create(tmp_path / "other.json"), token)
