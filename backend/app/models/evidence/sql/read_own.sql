-- The inner SELECT is subject to the policy of users, so it finds only the person's own row.
CREATE POLICY read_own ON training_records FOR SELECT TO authenticated
USING (user_id = (SELECT id FROM users));

CREATE POLICY read_own ON external_trainings FOR SELECT TO authenticated
USING (user_id = (SELECT id FROM users));
