CREATE FUNCTION sha256_hex(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(p_text, 'UTF8')), 'hex');

GRANT EXECUTE ON FUNCTION sha256_hex TO training_api;
