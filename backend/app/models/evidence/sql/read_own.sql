-- Reads users and enrollments under their own policies.
CREATE POLICY read_own ON training_records FOR SELECT TO authenticated
USING (user_id = (SELECT id FROM users));

CREATE POLICY read_own ON external_trainings FOR SELECT TO authenticated
USING (user_id = (SELECT id FROM users));
