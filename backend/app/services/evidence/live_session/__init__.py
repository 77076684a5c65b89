from app.services.evidence.live_session.service import LiveSessionService

__all__ = ["LiveSessionService"]
