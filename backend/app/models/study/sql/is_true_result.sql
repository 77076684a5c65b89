-- Tells whether the score of a result is that of its points, and whether it is a pass by the mark. Points
-- are exact fractions that were rounded to six decimals.
CREATE FUNCTION is_true_result(
    p_points numeric, p_max_points numeric, p_score_percent numeric, p_passed boolean,
    p_pass_mark numeric
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    p_points >= 0 AND p_points <= p_max_points
    AND abs(p_score_percent * p_max_points - 100 * p_points) <= p_max_points / 100 + 0.0001
    AND CASE WHEN p_passed THEN 100 * p_points >= p_pass_mark * p_max_points - 0.0001
             ELSE 100 * p_points <= p_pass_mark * p_max_points + 0.0001 END, false);
