from app.services.content.seed.service import (
    Seeded,
    SeedService,
    demonstration_identities,
    staff,
)

__all__ = ["SeedService", "Seeded", "demonstration_identities", "staff"]
