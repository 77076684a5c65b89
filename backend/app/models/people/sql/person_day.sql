-- The day that it is for a person, or for the system: the one at their office, but never one before
-- what was recorded for them. So nobody who moves west lives through a day a second time.
CREATE FUNCTION person_day(p_user uuid) RETURNS date LANGUAGE sql STABLE
RETURN greatest(
    local_day((SELECT u.location_id FROM users u WHERE u.id = p_user)),
    (SELECT max(e.recorded_on) FROM employment_changes e WHERE e.user_id = p_user));

GRANT EXECUTE ON FUNCTION person_day TO training_api;
