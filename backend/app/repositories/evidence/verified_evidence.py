"""Reads the evidence that counts: training records and verified external evidence."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain import compliance as facts
from app.domain.evidence.credential_kind import credential_code
from app.models import EvidenceWithdrawal, VerifiedEvidence
from app.repositories.base import Repository

# A correction withdraws the record that it corrects, on the day that it was made.
_EVIDENCE = text(
    """
    SELECT r.user_id, r.id, r.local_date AS day,
           CASE WHEN r.corrects_id IS NULL THEN r.local_date
                ELSE (r.created_at AT TIME ZONE r.time_zone)::date END AS recorded_on,
           r.module_id, r.version, NULL AS credential_kind, CAST(NULL AS date) AS printed_expiry,
           (SELECT min((c.created_at AT TIME ZONE c.time_zone)::date)
              FROM training_records c
             WHERE c.user_id = r.user_id AND c.corrects_id = r.id) AS withdrawn_on,
           'training_record' AS source, r.minutes,
           r.payload::jsonb -> 'instructors' @> '[{"role": "instructor"}]' AS has_trainer,
           NULL AS issuing_state
      FROM training_records r
     WHERE r.user_id = ANY(:user_ids)
     UNION ALL
    SELECT e.user_id, e.id, e.day, e.recorded_on, e.module_id, e.version, e.credential_kind,
           e.printed_expiry, w.recorded_on, 'external_training',
           CASE WHEN s.id IS NULL THEN round(60 * x.hours)::integer
                ELSE attended_seconds(s.id, e.user_id) / 60 END,
           CASE WHEN x.id IS NULL THEN s.id IS NOT NULL
                ELSE num_nulls(x.instructor_name, x.instructor_qualification) = 0 END,
           x.issuing_state
      FROM evidence_elsewhere e
      LEFT JOIN evidence_withdrawals w ON w.evidence_id = e.id
      LEFT JOIN external_trainings x ON x.id = e.id
      LEFT JOIN live_session_attendances a ON a.id = e.id
      LEFT JOIN live_sessions s ON s.id = a.session_id
     WHERE e.user_id = ANY(:user_ids)
    """
).bindparams(bindparam("user_ids", type_=ARRAY(Uuid())))


class VerifiedEvidenceRepository(Repository[VerifiedEvidence]):
    model = VerifiedEvidence

    async def withdraw(self, withdrawal: EvidenceWithdrawal) -> EvidenceWithdrawal:
        self.session.add(withdrawal)
        await self.session.flush()
        return withdrawal

    async def of_people(
        self, user_ids: Sequence[uuid.UUID]
    ) -> dict[uuid.UUID, list[facts.Evidence]]:
        """Return all evidence of these people, including what was corrected or withdrawn."""
        found: dict[uuid.UUID, list[facts.Evidence]] = defaultdict(list)
        rows = await self.session.execute(_EVIDENCE, {"user_ids": list(user_ids)})
        for row in rows:
            evidence = facts.Evidence(
                id=row.id,
                day=row.day,
                recorded_on=row.recorded_on,
                module_id=row.module_id,
                version=row.version,
                credential_kind=row.credential_kind and credential_code(row.credential_kind),
                printed_expiry=row.printed_expiry,
                withdrawn_on=row.withdrawn_on,
                source=facts.EvidenceSource(row.source),
                minutes=row.minutes,
                has_trainer=row.has_trainer,
                issuing_state=row.issuing_state,
            )
            found[row.user_id].append(evidence)
        return found
