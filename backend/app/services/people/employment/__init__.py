from app.services.people.employment.service import EmploymentService

__all__ = ["EmploymentService"]
