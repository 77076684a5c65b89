-- The latest day that it is now in any office.
CREATE FUNCTION organisation_day() RETURNS date LANGUAGE sql STABLE
RETURN (clock_timestamp() AT TIME ZONE home_zone())::date;

GRANT EXECUTE ON FUNCTION organisation_day TO training_api;
