-- RFC 9562, 5.7: 48 bits of Unix milliseconds, then the version; bits 52 and 53 are set from a
-- UUIDv4's 0100 to 0111. PostgreSQL has uuidv7() since 18.
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
