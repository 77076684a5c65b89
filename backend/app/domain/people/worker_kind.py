"""How people belong to the organisation."""

from enum import StrEnum


class WorkerKind(StrEnum):
    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"
    TEMP = "temp"
    STUDENT = "student"
