# syntax=docker/dockerfile:1
# docker build --tag training .
# docker run --env-file .env training alembic upgrade head
# docker run --env-file .env --publish 8000:8000 training

FROM ghcr.io/astral-sh/uv:0.13.8 AS uv

FROM python:3.13-slim-trixie AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_CACHE_DIR=/var/cache/uv \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /srv
# The dependencies change less often than the code: a layer of their own.
COPY pyproject.toml uv.lock README.md ./
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-default-groups --no-install-project
COPY backend/app backend/app
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-default-groups --no-editable

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin training
WORKDIR /srv
COPY --from=build /srv/.venv .venv
COPY pyproject.toml ./
COPY backend/alembic backend/alembic
ENV PATH=/srv/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/api/v1/health/live', timeout=2)"]
CMD ["training", "serve", "--host", "0.0.0.0", "--port", "8000"]
