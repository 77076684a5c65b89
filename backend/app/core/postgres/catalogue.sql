-- What the first schema of the search path contains, as the statements that make it. Names are
-- written without their schema, since it is in the search path. $1: roles whose rights matter.
WITH relation AS (
    SELECT c.*, c.relname::text AS name, quote_ident(c.relname) AS quoted FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
), routine AS (
    SELECT p.*, p.oid::regprocedure::text AS name FROM pg_proc p
     WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind IN ('f', 'p')
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
), held AS (
    SELECT 'table' AS kind, r.name AS thing, r.name AS relation, r.quoted AS target,
           a.grantee, a.privilege_type
      FROM relation r, aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) a
    UNION ALL
    SELECT 'table', r.name, r.name, r.quoted, a.grantee,
           format('%s (%s)', a.privilege_type,
                  string_agg(quote_ident(c.attname), ', ' ORDER BY c.attname))
      FROM relation r
      -- PostgreSQL 16 keeps the rights to a column after it was dropped.
      JOIN pg_attribute c ON c.attrelid = r.oid AND NOT c.attisdropped, aclexplode(c.attacl) a
     GROUP BY r.name, r.quoted, a.grantee, a.privilege_type
    UNION ALL
    SELECT 'sequence', s.relname::text, r.name, format('SEQUENCE %I', s.relname), a.grantee,
           a.privilege_type
      FROM relation r
      JOIN pg_depend d ON d.refobjid = r.oid AND d.deptype IN ('a', 'i')
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S',
           aclexplode(coalesce(s.relacl, acldefault('s', s.relowner))) a
    UNION ALL
    SELECT 'function', r.name, NULL, 'FUNCTION ' || r.name, a.grantee, a.privilege_type
      FROM routine r, aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a
), granted AS (
    SELECT h.kind, h.thing, h.relation, h.target, coalesce(g.rolname, 'PUBLIC') AS role,
           string_agg(h.privilege_type, ', ' ORDER BY h.privilege_type) AS rights
      FROM held h LEFT JOIN pg_roles g ON g.oid = h.grantee
     WHERE coalesce(g.rolname, 'PUBLIC') = ANY ($1::text[])
     GROUP BY 1, 2, 3, 4, 5
)
SELECT 1, 'function', name, NULL,
       replace(pg_get_functiondef(oid), format('FUNCTION %I.', current_schema()), 'FUNCTION '),
       'DROP FUNCTION ' || name, true
  FROM routine
UNION ALL
SELECT 2, 'view', name, NULL,
       format('CREATE %sVIEW %s AS %s', CASE relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END,
              quoted, pg_get_viewdef(oid)),
       format('DROP %sVIEW %s', CASE relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, quoted),
       false
  FROM relation WHERE relkind IN ('v', 'm')
UNION ALL
-- A list of texts is written in one way when it was made from a list, in another after a restore.
SELECT 3, 'check', format('%s.%s', r.name, c.conname), r.name,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', quoted, c.conname,
              regexp_replace(regexp_replace(pg_get_constraintdef(c.oid),
                  '\(ARRAY\[([^]]*)\]\)::text\[\]', 'ARRAY[\1]', 'g'),
                  '\((''[^'']*''::character varying)\)::text', '\1', 'g')),
       format('ALTER TABLE %s DROP CONSTRAINT %I', quoted, c.conname), false
  FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid WHERE c.contype = 'c'
UNION ALL
SELECT 4, 'row security', name, name, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', quoted),
       format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', quoted), true
  FROM relation WHERE relrowsecurity
UNION ALL
SELECT 5, 'policy', format('%s.%s', tablename, policyname), tablename::text,
       format('CREATE POLICY %I ON %I AS %s FOR %s TO %s', policyname, tablename, permissive, cmd,
              array_to_string(roles, ', '))
           || coalesce(' USING (' || qual || ')', '')
           || coalesce(' WITH CHECK (' || with_check || ')', ''),
       format('DROP POLICY %I ON %I', policyname, tablename), false
  FROM pg_policies WHERE schemaname = current_schema()
UNION ALL
SELECT 6, 'trigger', format('%s.%s', r.name, t.tgname), r.name, pg_get_triggerdef(t.oid, true),
       format('DROP TRIGGER %I ON %s', t.tgname, quoted), false
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
-- A trigger that somebody switched off is as if it were not there.
SELECT 7, 'state of trigger', format('%s.%s', r.name, t.tgname), r.name,
       format('ALTER TABLE %s ENABLE TRIGGER %I', quoted, t.tgname),
       format('ALTER TABLE %s DISABLE TRIGGER %I', quoted, t.tgname), true
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
UNION ALL
SELECT 8, 'rights', format('%s on %s', role, thing), relation,
       format('GRANT %s ON %s TO %s', rights, target, role),
       format('REVOKE ALL ON %s FROM %s', target, role), false
  FROM granted
 ORDER BY 1, 2, 3
