"""The schema this code was written for; `/health/ready` compares it with the database."""

SCHEMA_REVISION = "0010"
