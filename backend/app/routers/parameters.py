"""The meaning of each parameter. A name means the same in every operation."""

from typing import Final

PATHS: Final = {
    "assignment_id": "The bulk assignment",
    "attempt_id": "The attempt at a quiz",
    "change_id": "The change of the employment",
    "department_id": "The department",
    "enrollment_id": "The enrollment",
    "evidence_id": "The external evidence",
    "exemption_id": "The waiver or exemption",
    "grant_id": "The granted attempt",
    "hold_id": "The legal hold",
    "incident_id": "The incident",
    "job_title_id": "The job title",
    "location_id": "The location",
    "position_id": "The position; the person's own id for the primary one",
    "media_id": "The file",
    "module_id": "The module",
    "number": "The number of a published version of the module: 1, 2, 3 ...",
    "question_id": "The question, by the id that it keeps across versions",
    "record_id": "The training record",
    "requirement_id": "The requirement",
    "retention_class": "The class of evidence",
    "section_id": "The section, by the id that it keeps across versions",
    "session_id": "The live session",
    "step_id": "The corrective step",
    "user_id": "The person",
}

QUERIES: Final = {
    "media_id": "The files, of which there may be a hundred",
    "after": "The number of a version; the draft where it is left out",
    "action": "Only events of this kind, such as `module:published`",
    "actor_id": "Only what this person did",
    "as_of": (
        "The day asked about, past or to come; left out, today: at the person's office,"
        " in reports and packs at the caller's"
    ),
    "before": "The number of a version; the current one where it is left out",
    "category": "Only modules of this category, whatever the case",
    "content_type": "What the body of the request is",
    "confirmed": "Only what an admin has confirmed, or only what was added by using it",
    "cursor": "`next_cursor` of the page before",
    "cycle_start": "First day of the licence cycle; by the profile where it is left out",
    "department": "Only people of this department, by name or alias",
    "dry_run": "Say what would happen, and change nothing",
    "employee_number": "Only the person with this number, whatever the case and spaces",
    "format": "The form of the questions",
    "from": "First day, inclusive",
    "group_by": "What one line of the report stands for",
    "in_force": "Only holds that are in force, or only those that are released",
    "include_total": "Also count all rows: `total`",
    "is_active": "Only people who may sign in, or only those who may not",
    "known_on": "The day whose knowledge is used; left out, all that is recorded",
    "limit": "Most items of one page",
    "location": "Only people of this location, by name",
    "job_title": "Only people with this job title, by name or alias",
    "location_id": "Only what concerns this location",
    "module_id": "Only what concerns this module",
    "on_unsupported": "Whether questions that cannot be carried are skipped, or refuse the file",
    "overdue": "Only those past their due day, or only those that are not",
    "profile": "The profession and state whose rules are applied",
    "q": "Words to look for",
    "report": "Answer with a report of what was left out",
    "requirement": "Only this requirement, by id",
    "requirement_id": "Only what concerns this requirement",
    "role": "Only people with this role",
    "sort": "What to sort by, upwards; with `-` before it, downwards",
    "id": "Only these people",
    "manager_id": "Only people who have this manager",
    "language": "Only modules in this language, a BCP 47 tag",
    "scope": (
        "Whose: `mine`, `team` for the people I answer for without me, `all` whom I may see; "
        "`mine` where neither this nor `user_id` is sent"
    ),
    "since": "The first instant, inclusive",
    "state": "Only files in this state",
    "status": "Only those with this status",
    "tag": "Only modules with this tag",
    "target_id": "Only what was done to this",
    "target_type": "Only what was done to things of this kind",
    "to": "Last day, inclusive",
    "until": "The last instant, exclusive",
    "user_id": "Only what concerns this person",
    "worker_kind": "Only workers of this kind",
}

HEADERS: Final = {
    "Idempotency-Key": (
        "A name for this request, printable ASCII. Sent again with the same body, it answers as "
        "it did, for at least 24 hours"
    ),
    "If-Match": "The ETag that was read: 412 where something has changed since",
    "If-None-Match": "ETags that are held: 304 where one of them is current",
}

TAGS: Final = {
    "attempts": "Attempts at a quiz: made, kept and graded by the server",
    "audit": "Who changed what, and the pack that an auditor takes along",
    "authoring": "How questions did, and how keys were corrected",
    "compliance": "Where one person stands, and why",
    "continuing education": "CE hours by profession, state and licence cycle",
    "credentials": "Cards and licences: where each stands, and what runs out",
    "positions": "Where people work besides their primary position, each from a day on",
    "employment": "Leave, termination, rehire and transfer, each from a day on",
    "enrollments": "One person's way through one version of a module",
    "exemptions": "Waivers and exemptions from a requirement",
    "external evidence": "Training that was done elsewhere, and its review by a second person",
    "health": "For load balancers",
    "incidents": "What happened, who has to train again for it, and corrective steps",
    "live sessions": "Classes with an instructor, a roster and attendance",
    "media": "Videos, documents and pictures, from the upload to the download",
    "modules": "Drafts, their sections and questions, and what was published of them",
    "organisation": "Locations, departments and job titles",
    "reports": "Compliance of everybody in one's scope, on any day",
    "requirements": "Who has to be trained in what, when and how often",
    "retention": "How long evidence is kept, and what must not be erased",
    "training records": "Evidence of completions, chained and sealed",
    "users": "The directory, and oneself",
}
