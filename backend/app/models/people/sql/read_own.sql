-- What auth.uid() is on Supabase, where PostgREST and Realtime set the claims. Both inner SELECTs
-- are evaluated once for a statement, not once for a row.
CREATE POLICY read_own ON users FOR SELECT TO authenticated
USING (is_active AND supabase_id = (nullif((SELECT current_setting('request.jwt.claims', true)), '')::jsonb ->> 'sub')::uuid);
