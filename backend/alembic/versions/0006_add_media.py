"""Add the files of sections and of evidence.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import APPEND_ONLY, MUTABLE, protect_table, refuse_changes

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False


def upgrade() -> None:
    _create_media()
    _create_version_media()
    statements = (
        *protect_table("media", MUTABLE),
        *refuse_changes("version_media"),
        *protect_table("version_media", APPEND_ONLY),
    )
    for statement in statements:
        op.execute(statement)


def _create_media() -> None:
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("uploaded_by_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", _enum("purpose", "section", "evidence"), nullable=False),
        sa.Column("bucket", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=True),
        sa.Column(
            "declared_type",
            _enum(
                "declared_type",
                "video/mp4",
                "video/webm",
                "application/pdf",
                "image/png",
                "image/jpeg",
                "image/webp",
                "text/vtt",
            ),
            nullable=False,
        ),
        sa.Column("declared_bytes", sa.BigInteger(), nullable=False),
        sa.Column("found_type", sa.String(length=100), nullable=True),
        sa.Column("found_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column(
            "state",
            _enum("state", "pending", "ready", "rejected"),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("rejection", _enum("rejection", "size_mismatch", "type_mismatch"), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.Column(
                name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
            )
            for name in ("created_at", "updated_at")
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("declared_bytes > 0", name=op.f("ck_media_declared_bytes")),
        sa.CheckConstraint(
            "(state = 'pending') = (completed_at IS NULL)", name=op.f("ck_media_completed_at")
        ),
        sa.CheckConstraint(
            "(state = 'rejected') = (rejection IS NOT NULL)", name=op.f("ck_media_rejected")
        ),
        sa.CheckConstraint(
            "state <> 'ready'"
            " OR coalesce(found_type = declared_type AND found_bytes = declared_bytes, false)",
            name=op.f("ck_media_ready"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_media_owner_id")),
        sa.ForeignKeyConstraint(
            ["uploaded_by_id"], ["users.id"], name=op.f("fk_media_uploaded_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("bucket", "path", name=op.f("uq_media_bucket_path")),
    )
    op.create_index("ix_media_owner_id", "media", ["owner_id"], unique=False)
    op.create_index(
        "ix_media_created_at",
        "media",
        ["purpose", sa.literal_column("created_at DESC"), "id"],
        unique=False,
    )


def _create_version_media() -> None:
    op.create_table(
        "version_media",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_version_media_media_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["module_versions.id"], name=op.f("fk_version_media_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "media_id", name=op.f("pk_version_media")),
    )
    op.create_index("ix_version_media_media_id", "version_media", ["media_id"], unique=False)


def _enum(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def downgrade() -> None:
    op.drop_table("version_media")
    op.drop_table("media")
