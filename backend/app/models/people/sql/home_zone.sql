-- The zone of the organisation, in which those live who have no office: that of the office whose
-- clock is ahead of all others. Their day is then never before one that some office has reached.
CREATE FUNCTION home_zone() RETURNS text LANGUAGE sql STABLE
RETURN coalesce(
    (SELECT l.time_zone FROM locations l WHERE l.deleted_at IS NULL
      ORDER BY now() AT TIME ZONE l.time_zone DESC, l.time_zone LIMIT 1),
    'UTC');

GRANT EXECUTE ON FUNCTION home_zone TO training_api;
