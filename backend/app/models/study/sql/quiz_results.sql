-- Returns the best result of each quiz of an enrollment up to an instant, and the score of all. A quiz
-- for states where the person no longer worked counts if they had passed it.
CREATE FUNCTION quiz_results(p_enrollment uuid, p_until timestamptz)
RETURNS TABLE (score numeric, results jsonb) LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT round(100 * sum(best.points) / nullif(sum(best.max_points), 0), 2),
           coalesce(jsonb_agg(jsonb_build_object(
               'section_id', best.section_id, 'attempt', best.number, 'attempts', best.attempts,
               'score_percent', best.score_percent, 'pass_mark', best.pass_mark)
               ORDER BY best.section_id), '[]')
      FROM (SELECT DISTINCT ON (a.section_id) a.*,
                   count(*) OVER (PARTITION BY a.section_id) AS attempts
              FROM quiz_attempts a
             WHERE a.enrollment_id = p_enrollment AND a.state = 'graded'
               AND a.submitted_at <= p_until
             ORDER BY a.section_id, a.passed DESC, a.points DESC, a.number) best
      JOIN enrollments e ON e.id = p_enrollment
      JOIN version_sections s ON s.version_id = e.version_id AND s.section_id = best.section_id
     WHERE best.passed OR concerns(s.states, e.states)
$$;
