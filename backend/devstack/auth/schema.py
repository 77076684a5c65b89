"""Tables of the stand-in, with the names and columns of Supabase where there are such."""

from typing import Final

DDL: Final = """
CREATE SCHEMA IF NOT EXISTS auth;

CREATE TABLE IF NOT EXISTS auth.users (
    id uuid PRIMARY KEY,
    aud text NOT NULL DEFAULT 'authenticated',
    role text NOT NULL DEFAULT 'authenticated',
    email text,
    encrypted_password text,
    email_confirmed_at timestamptz,
    invited_at timestamptz,
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb NOT NULL DEFAULT '{}',
    raw_user_meta_data jsonb NOT NULL DEFAULT '{}',
    banned_until timestamptz,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE auth.users
    ADD COLUMN IF NOT EXISTS is_sso_user boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS email_change text,
    ADD COLUMN IF NOT EXISTS email_change_confirm_status smallint NOT NULL DEFAULT 0;
DROP INDEX IF EXISTS auth.users_email_key;
CREATE UNIQUE INDEX IF NOT EXISTS users_email_partial_key
    ON auth.users (email) WHERE NOT is_sso_user;
DROP INDEX IF EXISTS auth.users_created_at_idx;

CREATE TABLE IF NOT EXISTS auth.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    method text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_user_id_idx ON auth.sessions (user_id);

CREATE TABLE IF NOT EXISTS auth.refresh_tokens (
    token text PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES auth.sessions ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX IF NOT EXISTS refresh_tokens_session_id_idx ON auth.refresh_tokens (session_id);
CREATE UNIQUE INDEX IF NOT EXISTS refresh_tokens_active_key
    ON auth.refresh_tokens (session_id) WHERE revoked_at IS NULL;

CREATE TABLE IF NOT EXISTS auth.one_time_tokens (
    token_hash text PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    token_type text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (user_id, token_type)
);
ALTER TABLE auth.one_time_tokens ADD COLUMN IF NOT EXISTS otp text;
ALTER TABLE auth.refresh_tokens ADD COLUMN IF NOT EXISTS parent text;
ALTER TABLE auth.sessions
    ADD COLUMN IF NOT EXISTS aal text NOT NULL DEFAULT 'aal1',
    ADD COLUMN IF NOT EXISTS raised_at timestamptz,
    ADD COLUMN IF NOT EXISTS factor_id uuid;

CREATE TABLE IF NOT EXISTS auth.mfa_factors (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    friendly_name text NOT NULL,
    factor_type text NOT NULL,
    status text NOT NULL,
    secret text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS mfa_factors_user_id_idx ON auth.mfa_factors (user_id);
CREATE TABLE IF NOT EXISTS auth.mfa_challenges (
    id uuid PRIMARY KEY,
    factor_id uuid NOT NULL REFERENCES auth.mfa_factors ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE OR REPLACE FUNCTION auth.factors_of(person uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', id, 'friendly_name', friendly_name, 'factor_type', factor_type, 'status', status,
        'created_at', created_at, 'updated_at', updated_at) ORDER BY created_at), '[]')
    FROM auth.mfa_factors WHERE user_id = person
$$;
"""
