"""The ASGI application."""

import gc
import json
import multiprocessing
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version
from threading import Thread
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware

from app.container import Container
from app.core.config import Environment, Settings, load_settings
from app.core.logging import configure_logging
from app.jobs.worker import working
from app.routers import documentation, health
from app.routers.compliance import (
    compliance,
    exemption,
    incident,
    report,
    requirement,
    training,
)
from app.routers.content import (
    exchange,
    media,
    module,
    module_teaching,
    preview,
    question,
    section,
    site_fact,
)
from app.routers.documentation import OPENAPI_PATH
from app.routers.errors import add_error_handlers
from app.routers.evidence import (
    audit_event,
    audit_pack,
    ce_credit,
    credential,
    external_evidence,
    legal_hold,
    live_session,
    retention,
    seal,
    source_check,
    training_record,
)
from app.routers.middleware.compress import Compress
from app.routers.middleware.fast_lane import FastLane
from app.routers.middleware.head import HeadAsGet
from app.routers.middleware.request import LimitBody, Observe, RefuseAmbiguous
from app.routers.middleware.root_path import BelowRootPath
from app.routers.openapi import DescribedAPI, operation_id
from app.routers.outreach import job
from app.routers.people import (
    auth_hook,
    department,
    employment,
    job_title,
    location,
    merge,
    position,
    user,
)
from app.routers.respond import BASE_PATH
from app.routers.study import (
    assignment,
    attempt,
    attempt_grant,
    correction,
    enrollment,
    question_analysis,
)

GC_ALLOCATIONS = 10_000
"""Allocations after which the youngest generation is collected.

Python's own 700 is meant for scripts; a server would spend too much time on collecting.
"""

EXPOSED_HEADERS = [
    "Content-Disposition",
    "Date",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "X-Module-ETag",
    "X-Not-Carried",
    "X-Reconciling",
    "X-Request-Id",
    "X-Section-ETag",
    "X-Superseded-By",
]

# Starlette tries the routes in this order, one by one. The ones used most come first.
ROUTERS = (
    enrollment.router,
    assignment.reports,
    assignment.router,
    attempt.router,
    health.router,
    user.router,
    location.router,
    department.router,
    job_title.router,
    module.router,
    section.router,
    site_fact.router,
    media.router,
    exchange.router,
    question.router,
    question_analysis.router,
    correction.router,
    attempt_grant.router,
    training_record.router,
    external_evidence.router,
    credential.router,
    live_session.router,
    module_teaching.router,
    preview.router,
    exemption.router,
    incident.router,
    ce_credit.router,
    legal_hold.router,
    retention.router,
    employment.router,
    merge.router,
    position.router,
    compliance.router,
    training.router,
    requirement.router,
    report.router,
    audit_event.router,
    audit_pack.router,
    seal.router,
    source_check.router,
    auth_hook.router,
    job.router,
)


def create_app(container: Container, *, with_worker: bool = False) -> FastAPI:
    """Make the application; what the container holds is closed at shutdown.

    `with_worker` lets this process do jobs as well.
    """
    settings = container.settings

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with (
            container.metrics.shared(),
            working(container) if with_worker else nullcontext(),
        ):
            yield
        await container.close()

    app = DescribedAPI(
        title="Unified Dental training",
        version=version("unified-dental-training"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        servers=[
            {"url": settings.root_path or "/", "description": "Where this document is served"}
        ],
        openapi_url=OPENAPI_PATH if settings.shows_docs else None,
        # The redirect's address would contain the request's Host header, which a client can forge.
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        # Prometheus and structlog already report requests, without personal data; FastAPI's own
        # telemetry would quote parts of them. Looking for its three providers also costs each
        # request 5 us.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.container = container
    add_error_handlers(app)
    _add_routes(app, settings)
    _add_middleware(app, settings)
    return app


def _add_routes(app: FastAPI, settings: Settings) -> None:
    for router in ROUTERS:
        app.include_router(router, prefix=BASE_PATH)
    if settings.shows_docs:
        documentation.add_routes(app)
    if settings.metrics_enabled:
        app.include_router(health.metrics_router)


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add the middleware, from the innermost to the outermost."""
    app.add_middleware(FastLane)
    app.add_middleware(HeadAsGet)
    # The lane and HeadAsGet run outside of FastAPI's own error handling. This one answers their
    # errors with the same handlers.
    app.add_middleware(ExceptionMiddleware, handlers=app.exception_handlers)
    if settings.root_path:
        app.add_middleware(BelowRootPath, root_path=settings.root_path)
    app.add_middleware(LimitBody, max_bytes=settings.max_body_bytes)
    app.add_middleware(RefuseAmbiguous, hosts=settings.allowed_hosts)
    app.add_middleware(Observe)
    app.add_middleware(Compress)
    # CORS is outermost so that its headers are also on 413 and 500 answers. Without them browsers
    # do not let a page read these answers.
    in_development = settings.environment is Environment.DEVELOPMENT
    if settings.cors_origins or in_development:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_origin_regex=_development_origin(settings) if in_development else None,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "X-Request-Id",
            ],
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )


def _development_origin(settings: Settings) -> str:
    """Return a pattern of origins: any port of this machine, also by the address Auth has."""
    hosts = {"localhost", "127.0.0.1", "[::1]", urlsplit(settings.supabase_url).hostname or ""}
    return f"http://({'|'.join(re.escape(host) for host in sorted(hosts))})(:[0-9]{{1,5}})?"


def from_environment(*, with_worker: bool = False) -> FastAPI:
    """Make the application of one production server process."""
    settings = load_settings()
    configure_logging(settings.log_level)
    app = create_app(Container.build(settings), with_worker=with_worker)
    _end_with_supervisor()
    # A closed terminal sends SIGHUP to all processes, which by default kills them at once. As
    # SIGTERM it lets a worker finish the requests under way.
    signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))
    _settle_heap()
    return app


def with_worker_from_environment() -> FastAPI:
    """Make the application of a process that does jobs, too."""
    return from_environment(with_worker=True)


def _end_with_supervisor() -> None:
    """Stop the worker when its supervisor is killed; the worker would keep the port otherwise."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def follow() -> None:
        supervisor.join()
        signal.raise_signal(signal.SIGTERM)

    Thread(target=follow, daemon=True).start()


def _settle_heap() -> None:
    """Exclude the objects that live as long as the process from garbage collection.

    Walking over them took up to 200 ms of a request that allocates a lot, such as grading a long
    quiz.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)


def openapi_document() -> bytes:
    """Return the OpenAPI document as `docs/openapi.json` keeps it."""
    settings = Settings.model_validate(
        {
            "environment": Environment.TEST,
            "database_url": "postgresql://nobody@localhost/nothing",
            "supabase_url": "https://project.supabase.co",
            "supabase_secret_key": "unused",
        }
    )
    schema = create_app(Container.build(settings)).openapi()
    return f"{json.dumps(schema, indent=1, ensure_ascii=False)}\n".encode()
