-- Returns the hours of continuing education that a record carries: what the provider offers, and never
-- more than the person has studied and attended. NULL where nothing is offered.
CREATE FUNCTION credited_hours(p_offered numeric, p_seconds bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_offered IS NOT NULL THEN least(p_offered, trunc(p_seconds / 3600.0, 2)) END;
