CREATE FUNCTION seal_hash(p_previous text, p_number integer, p_count integer, p_root text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(
    p_previous || ':' || p_number || ':' || p_count || ':' || p_root, 'UTF8')), 'hex');
