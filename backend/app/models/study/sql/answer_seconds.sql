-- Returns p_known with the seconds of the questions that are answered for the first time in this
-- save. The time since the last save with new answers is divided equally among them. So all seconds
-- add up to the time from the start to the last such save.
CREATE FUNCTION answer_seconds(p_known jsonb, p_answers jsonb, p_started timestamptz) RETURNS jsonb
LANGUAGE sql VOLATILE
RETURN (
    SELECT p_known || coalesce(jsonb_object_agg(fresh.id, round(greatest(0,
               extract(epoch FROM clock_timestamp() - p_started) - coalesce(
                   (SELECT sum(seconds::numeric) FROM jsonb_each_text(p_known) k(id, seconds)), 0)
           ) / fresh.number, 3)), '{}')
      FROM (SELECT id, count(*) OVER () AS number FROM jsonb_object_keys(p_answers) a(id)
             WHERE NOT p_known ? id) fresh);

GRANT EXECUTE ON FUNCTION answer_seconds TO training_api;
