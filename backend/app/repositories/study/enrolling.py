"""The one statement that creates enrollments, whoever wants them, and the audit events it writes.

It goes on after two common table expressions: `wanted` (id, user_id, module_id, version_id, due_on)
and `asker` (source, actor_id, request_id), which has one row.
"""


def creation(on_conflict: str = "NOTHING") -> str:
    """Return the expression `created`: the new rows of `enrollments`, and `is_new`.

    `on_conflict` is what to do with an enrollment that is open already. Another transaction may
    have created it just now; the unique index on open enrollments settles such races.
    """
    return f"""
        INSERT INTO enrollments AS e (id, user_id, module_id, version_id, due_on, source, status)
        SELECT w.id, w.user_id, w.module_id, w.version_id, w.due_on, asker.source, 'active'
          FROM wanted w CROSS JOIN asker
        ON CONFLICT (user_id, module_id) WHERE status = 'active' DO {on_conflict}
        RETURNING e.*, e.xmax = 0 AS is_new
    """  # noqa: S608  # made of constants


def _payload(row: str) -> str:
    return f"""jsonb_build_object('user_id', {row}.user_id, 'module_id', {row}.module_id,
                                  'source', {row}.source, 'due_on', {row}.due_on)"""


# Each is one row that says how many events were written. The statement has to select from it:
# PostgreSQL evaluates no SELECT that nothing reads.
CREATION_EVENT = f"""
    SELECT record_event(asker.actor_id, asker.request_id, 'enrollment:created', c.id, NULL,
                        {_payload("c")}) AS written
      FROM created c CROSS JOIN asker
"""  # noqa: S608  # made of constants
"""For a statement that creates one enrollment at most, with no row where it creates none."""


def creation_events(payload: str = _payload("c")) -> str:
    """Return the expression for a statement that creates many; `payload` is of the row `c`."""
    return f"""
    SELECT record_events(
               (SELECT actor_id FROM asker), (SELECT request_id FROM asker),
               array_agg(CASE WHEN c.is_new THEN 'enrollment:created'
                              ELSE 'enrollment:assigned' END),
               array_agg(c.id), NULL, array_agg({payload})) AS written
      FROM created c
"""  # noqa: S608  # made of constants


def payload_of_assignment(row: str) -> str:
    """Return what the events of an assignment say of a row: also which assignment it was."""
    assignment = "'assignment_id', (SELECT assignment_id FROM asker)"
    return f"{_payload(row)} || jsonb_build_object({assignment})"


ASSIGNMENT_EVENTS = f"""
    SELECT record_events(
               (SELECT actor_id FROM asker), (SELECT request_id FROM asker),
               array_agg(CAST('enrollment:assigned' AS text)), array_agg(a.id),
               array_agg(jsonb_build_object('source', a.source_before, 'due_on', a.due_before)),
               array_agg({payload_of_assignment("a")})) AS written
      FROM assigned a
"""  # noqa: S608  # made of constants
