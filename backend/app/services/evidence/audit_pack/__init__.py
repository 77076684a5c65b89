"""The auditor's pack."""

from app.services.evidence.audit_pack.service import AuditPack, AuditPackService, PackQuery
from app.services.evidence.audit_pack.verifier import VERIFIER, verifier

__all__ = ["VERIFIER", "AuditPack", "AuditPackService", "PackQuery", "verifier"]
