"""Who acts, and what each staff role may do. Roles come from our own users table only."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    LEARNER = "learner"
    MANAGER = "manager"
    AUTHOR = "author"
    COMPLIANCE_OFFICER = "compliance_officer"
    """Sees everybody, keeps the rules and judges evidence; administers nobody's account."""

    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for. Row scope (own, managed, all) is decided in the repositories."""

    PROFILE = "profile"
    CATALOGUE_READ = "catalogue:read"
    LEARN = "learn"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    USERS_INVITE = "users:invite"
    """Invite people; managers only learners, and only to offices of theirs."""

    NAMES_CONFIRM = "names:confirm"
    EMPLOYMENT_READ = "employment:read"
    LEAVE_RECORD = "leave:record"
    MODULES_WRITE = "modules:write"
    ENROLLMENTS_READ = "enrollments:read"
    ENROLLMENTS_ASSIGN = "enrollments:assign"
    RECORDS_READ = "records:read"
    ORGANISATION_READ = "organisation:read"
    ORGANISATION_WRITE = "organisation:write"
    SITE_FACTS_WRITE = "site_facts:write"
    """Record what offices say of themselves; managers of their own offices."""

    SITE_FACTS_MISSING = "site_facts:missing"
    """Read what text names and offices have not recorded."""

    AUDIT_READ = "audit:read"
    REQUIREMENTS_WRITE = "requirements:write"
    REPORTS_READ = "reports:read"
    EVIDENCE_SUBMIT = "evidence:submit"
    """Enter external evidence; for whom is decided by row."""

    MEDIA_READ = "media:read"
    MEDIA_UPLOAD = "media:upload"
    """Files of evidence; files for sections are for those who write modules."""

    EVIDENCE_VERIFY = "evidence:verify"
    SESSIONS_TEACH = "sessions:teach"
    """Mark attendance and close: the session's own instructor, whatever their role."""

    SESSIONS_WRITE = "sessions:write"
    EXEMPTIONS_WRITE = "exemptions:write"
    INCIDENTS_WRITE = "incidents:write"
    """Record and read incidents of the people one answers for."""

    STEPS_DO = "steps:do"
    """Do one's own corrective steps, whatever role one has come to have since they were given."""

    RETENTION_WRITE = "retention:write"
    OPERATIONS = "operations"
    """See the work in the background, and have what was given up done again."""


_EVERYONE = frozenset(
    {
        Permission.PROFILE,
        Permission.CATALOGUE_READ,
        Permission.LEARN,
        Permission.ENROLLMENTS_READ,
        Permission.RECORDS_READ,
        Permission.ORGANISATION_READ,
        Permission.EVIDENCE_SUBMIT,
        Permission.MEDIA_READ,
        Permission.MEDIA_UPLOAD,
        Permission.SESSIONS_TEACH,
        Permission.STEPS_DO,
    }
)
_MANAGER = _EVERYONE | {
    Permission.USERS_READ,
    Permission.USERS_INVITE,
    Permission.EMPLOYMENT_READ,
    Permission.NAMES_CONFIRM,
    Permission.LEAVE_RECORD,
    Permission.ENROLLMENTS_ASSIGN,
    Permission.REPORTS_READ,
    Permission.EVIDENCE_VERIFY,
    Permission.SESSIONS_WRITE,
    Permission.INCIDENTS_WRITE,
    Permission.SITE_FACTS_WRITE,
    Permission.SITE_FACTS_MISSING,
}
_COMPLIANCE_OFFICER = _EVERYONE | {
    Permission.USERS_READ,
    Permission.EMPLOYMENT_READ,
    Permission.ENROLLMENTS_ASSIGN,
    Permission.REPORTS_READ,
    Permission.EVIDENCE_VERIFY,
    Permission.REQUIREMENTS_WRITE,
    Permission.EXEMPTIONS_WRITE,
    Permission.INCIDENTS_WRITE,
    Permission.AUDIT_READ,
    Permission.SITE_FACTS_WRITE,
    Permission.SITE_FACTS_MISSING,
}
_AUTHOR = _EVERYONE | {Permission.MODULES_WRITE, Permission.SITE_FACTS_MISSING}

_FOR_ONESELF = _EVERYONE - {Permission.SESSIONS_TEACH, Permission.STEPS_DO}
"""What people do for themselves. Whoever teaches says of others that they attended, and steps of
others are done by whoever answers for the people whom the incident names."""

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.LEARNER: _EVERYONE,
    Role.MANAGER: _MANAGER,
    Role.AUTHOR: _AUTHOR,
    Role.COMPLIANCE_OFFICER: _COMPLIANCE_OFFICER,
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Actor:
    id: uuid.UUID
    role: Role
    location_id: uuid.UUID | None = None
    merged_ids: frozenset[uuid.UUID] = frozenset()
    """The entries that were merged into the actor's: what names them is the actor's own."""

    @property
    def entry_ids(self) -> frozenset[uuid.UUID]:
        return self.merged_ids | {self.id}

    def is_one_of(self, user_ids: Collection[uuid.UUID | None]) -> bool:
        """Tell whether the actor is named, under any entry."""
        return not self.entry_ids.isdisjoint(user_ids)

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]

    def administers_by(self, permission: Permission) -> bool:
        """Tell whether somebody acts on whomever they like, beyond a learner's own business."""
        return self.sees_everybody and permission not in _FOR_ONESELF

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def sees_everybody(self) -> bool:
        return self.role in {Role.ADMIN, Role.COMPLIANCE_OFFICER}

    @property
    def sees_announced(self) -> bool:
        """Whether somebody reads before its day what is announced of people.

        It is in the audit trail. Others might learn of their own termination, or a colleague's.
        """
        return self.may(Permission.AUDIT_READ)

    @property
    def is_manager(self) -> bool:
        return self.role is Role.MANAGER

    @property
    def writes_modules(self) -> bool:
        return self.may(Permission.MODULES_WRITE)
