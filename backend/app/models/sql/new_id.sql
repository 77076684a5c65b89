-- Returns a UUIDv7 (RFC 9562, 5.7), for which PostgreSQL has a function of its own only since 18.
-- Before, it is made from a UUIDv4: its first 48 bits become the time in Unix milliseconds, and setting
-- bits 52 and 53 turns the version from 4 (0100) into 7 (0111).
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
        RETURN uuidv7();
    ELSE
        CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
        RETURN encode(
            set_bit(set_bit(
                overlay(uuid_send(gen_random_uuid())
                        PLACING substring(int8send(
                            (extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6),
                52, 1), 53, 1),
            'hex')::uuid;
    END IF;
END $do$;

GRANT EXECUTE ON FUNCTION new_id TO training_api;
