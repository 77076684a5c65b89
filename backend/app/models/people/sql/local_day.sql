-- The day that it is at an office, or for those who have none.
CREATE FUNCTION local_day(p_location uuid) RETURNS date LANGUAGE sql STABLE
RETURN (
    clock_timestamp() AT TIME ZONE
    coalesce((SELECT l.time_zone FROM locations l WHERE l.id = p_location), home_zone()))::date;

GRANT EXECUTE ON FUNCTION local_day TO training_api;
