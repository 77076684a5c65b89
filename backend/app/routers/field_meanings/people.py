"""Fields of people, their employment, and the lists of words and locations."""

from typing import Final

MEANINGS: Final = {
    "taken": "The words that another entry of the list has",
    "used": "The words that somebody's employment still has",
    "aliases": "Other names by which it may be entered, whatever the case",
    "confirmed": "False until an admin has looked at what was added by using it",
    "country": "ISO 3166-1, such as `US`; null where it is not known",
    "display_name": "The name to show: the full name, or what stands in for it where there is none",
    "effective_on": "The first day, in the location, on which it holds; it may be yet to come",
    "email_confirmed": "Whether the address was proven to be theirs, by an accepted invitation too",
    "employee_number": "The number in the payroll, without spaces; its zeros count; null for none",
    "full_name": "The name by which the person is addressed; null where it is not known",
    "hired_on": "The first day of the present employment; null where it is not known",
    "is_active": "False for people who may not sign in",
    "last_sign_in": "The instant, in UTC, of the last sign-in that is known; null for none",
    "manager_id": "The person's own manager, beside those of the location; null for none",
    "manager_ids": "The managers of the location, who see its people",
    "merged_id": "The entry that ends; its records stay its own, and count for the person",
    "merged_into_id": "The entry under which the person goes on; null unless this one was merged",
    "name_aliases": "Other names under which the person may sign",
    "name_confirmed": "False while nobody has confirmed the name that the person entered",
    "no_longer_seen_by": "Managers who saw the person before the move, and do not after it",
    "profile_metadata": "Any JSON object of up to 16 KiB, kept as it is for the frontend",
    "state": "ISO 3166-2, such as `US-CA`; null where it is not known",
    "EmploymentRead.state": "What the person is from that day on",
    "MergeCreate.user_id": "The entry that continues",
    "MergeRead.user_id": "The entry that continues",
    "MergeRead.status": "Pending until another admin has confirmed or refused it",
    "MergeRead.proposed_by_id": "The admin who said that the two are one person",
    "MergeRead.decided_by_id": "Who confirmed or refused it; null while it is pending",
    "MergeRead.decided_at": "The instant, in UTC, of the decision; null while it is pending",
    "MergeRead.decided_on": (
        "The day from which what is of both is known to be one person's; null while it is pending"
    ),
    "MoveRead.state": "What the person is from that day on",
    "LeaveCreate.starts_on": "The first day away",
    "supabase_id": "The id of the account in Supabase Auth; null for people without one",
    "worker_kind": "How the person is employed; audiences of requirements may name it",
}
