"""The auditor's pack."""

from app.services.evidence.audit_pack.service import AuditPack, AuditPackService, PackQuery

__all__ = ["AuditPack", "AuditPackService", "PackQuery"]
