-- The actions that are recorded by the functions which carry them out, and by nothing else.
CREATE FUNCTION guarded_actions() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['attempt:graded', 'enrollment:completed',
             'enrollment:states_changed', 'record_seal:created', 'section:acknowledged',
             'section:completed', 'training_record:corrected', 'training_record:issued',
             'user:erased'];
