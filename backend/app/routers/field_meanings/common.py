"""Fields that several areas have, in one meaning."""

from typing import Final

MEANINGS: Final = {
    "as_of": "The day that the answer is about, in the time zone of each person's location",
    "category": "A group of one's own choice, such as `Infection control`; null for none",
    "citation": "The law or standard that this rests on, such as `29 CFR 1910.1030(g)(2)`",
    "completed_at": "The instant, in UTC, at which it was completed; null while it is not",
    "completed_on": "The day, in the person's location, on which it was completed",
    "content_sha256": "SHA-256, in lower-case hex, of the content as it is served",
    "created_at": "The instant, in UTC, at which this was entered",
    "credential_kind": "A code of `GET /credential-kinds`, such as `bls`; null for none",
    "department": "The department's name as it is listed; null for none",
    "due_on": "The last day in time, in the person's location; null for no due date",
    "errors": "What is wrong and where, fault by fault",
    "email": "The address; null for people who have no mailbox of their own",
    "expires_at": "The instant, in UTC, at which it ends; null where it never does",
    "items": "In the order that the operation names; empty where there is nothing",
    "job_title": "The job title as it is listed; null for none",
    "kind": "Which of the kinds it is",
    "known_on": "The day whose knowledge is used; null for what is known today",
    "location": "The location's name; null for people without one",
    "location_id": "The location; null for none",
    "minimum_seconds": "Seconds that must be spent on the section before it can be completed",
    "module_id": "The module that it is about; null for none",
    "name": "What people know it by; null for none",
    "next_cursor": "Send it as `cursor` for the next page; null on the last one",
    "note": "Words for those who read this later; null for none",
    "number": "Counts from 1 without gaps",
    "reason": "Why, in words; auditors read it",
    "recorded_on": (
        "The day, in the location, on which it was entered, however early the day that it is about"
    ),
    "recorded_by_id": "The user who entered it; null where a command or the system did",
    "requirement_id": "The requirement that it is about",
    "revision": "Counts the changes; part of the ETag",
    "role": "What the person may do; null for any, or to leave it as it is",
    "server_time": "Now, in UTC, by the clock that deadlines are kept by; null where none is open",
    "status": "Where it stands",
    "tags": "Words to find it by, each once",
    "time_zone": "IANA name, such as `America/Los_Angeles`",
    "title": "What people know it by, as plain text; null where it is gone",
    "updated_at": "The instant, in UTC, of the last change; null before the first one",
    "user_id": "The person whom it is about; null for oneself",
    "user_ids": "The people whom it is about",
    "valid_through": (
        "The last day on which it counts; null where it has no end, or where nothing valid is there"
    ),
    "version": "The number of the published version; null where it is about none",
    "why": "What decides about it, in words and as data",
}
