-- p_covers is null for seals made before revision 0029, which cover evidence of several kinds. It is
-- then no part of the text that is hashed.
CREATE FUNCTION seal_hash(
    p_previous text, p_number integer, p_count integer, p_root text, p_covers text
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(
    concat_ws(':', p_previous, p_number, p_count, p_root, p_covers), 'UTF8')), 'hex');
