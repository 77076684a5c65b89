from app.services.people.merge.service import MergeService

__all__ = ["MergeService"]
