-- The inner SELECTs are subject to the policies of users and enrollments, so they find only the
-- person's own rows.
CREATE POLICY read_own ON enrollments FOR SELECT TO authenticated
USING (user_id = (SELECT id FROM users));

CREATE POLICY read_own ON section_progress FOR SELECT TO authenticated
USING (enrollment_id = ANY (ARRAY(SELECT id FROM enrollments)));

CREATE POLICY read_own ON quiz_attempts FOR SELECT TO authenticated
USING (enrollment_id = ANY (ARRAY(SELECT id FROM enrollments)));
