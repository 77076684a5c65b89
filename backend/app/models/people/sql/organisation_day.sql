-- The day on which a change of a rule is recorded: the latest day that it is now in any office.
-- An earlier day would already be over in some office, and the rule would change its past.
CREATE FUNCTION organisation_day() RETURNS date LANGUAGE sql STABLE
RETURN coalesce(
    (SELECT max((clock_timestamp() AT TIME ZONE l.time_zone)::date)
       FROM locations l WHERE l.deleted_at IS NULL),
    (clock_timestamp() AT TIME ZONE 'UTC')::date);

GRANT EXECUTE ON FUNCTION organisation_day TO training_api;
