import uuid
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.media.file import (
    SNIFFED_BYTES,
    TYPES_BY_PURPOSE,
    Declared,
    Found,
    MediaPurpose,
    MediaType,
    Rejection,
    judge,
    object_path,
    referenced_media,
    sniff,
)
from app.domain.content.media.polyglot import TAIL_BYTES, is_polyglot
from app.domain.content.media.use import media_of_settings
from app.domain.content.section_kind import parse_settings
from app.domain.content.section_settings import SectionKind
from tests.factories.media import CONTENT, HTML, JPEG, MP4, PDF, PNG, SVG, VTT

ID = uuid.UUID("0199c2d4-7a51-7c3e-9d35-1d6f0a4d8e21")
MATROSKA = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x88matroska"
BRANDS = st.sampled_from([b"isom", b"iso5", b"avc1", b"mp41", b"mp42", b"M4V ", b"dash"])


class TestTypes:
    def test_nothing_that_a_browser_runs(self) -> None:
        allowed = {kind.value for kinds in TYPES_BY_PURPOSE.values() for kind in kinds}
        assert not allowed & {"text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"}

    def test_evidence_is_a_document_or_a_picture(self) -> None:
        assert TYPES_BY_PURPOSE[MediaPurpose.EVIDENCE] == {
            MediaType.PDF,
            MediaType.PNG,
            MediaType.JPEG,
        }


class TestPath:
    @pytest.mark.parametrize("kind", MediaType)
    @pytest.mark.parametrize("purpose", MediaPurpose)
    def test_is_made_of_nothing_but_the_purpose_the_id_and_the_type(
        self, purpose: MediaPurpose, kind: MediaType
    ) -> None:
        folder, name = object_path(purpose, ID, kind).split("/")
        stem, extension = name.split(".")
        assert (folder, stem) == (purpose.value, str(ID))
        assert extension.isalnum()


class TestSniff:
    @pytest.mark.parametrize("kind", MediaType)
    def test_knows_what_is_allowed(self, kind: MediaType) -> None:
        assert sniff(CONTENT[kind]) == kind

    @pytest.mark.parametrize(
        ("head", "kind"),
        [
            (HTML, "text/html"),
            (SVG, "image/svg+xml"),
            (b"<html>" + PDF, "text/html"),
            (MATROSKA + bytes(99), "video/x-matroska"),
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "application/mp4"),
            (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "application/mp4"),
            (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00isommp42", "application/mp4"),
            (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "audio/wave"),
            (b"\xef\xbb\xbfWEBVTT\n", MediaType.VTT),
            (b"Just some words", None),
            (b"", None),
        ],
    )
    def test_tells_others_apart(self, head: bytes, kind: str | None) -> None:
        assert sniff(head) == kind

    @given(BRANDS, st.binary(max_size=64))
    def test_any_brand_of_mp4(self, brand: bytes, rest: bytes) -> None:
        assert sniff(b"\x00\x00\x00\x18ftyp" + brand + rest) == MediaType.MP4

    @given(st.binary(max_size=256))
    def test_never_fails(self, head: bytes) -> None:
        kind = sniff(head)
        assert kind is None or kind


def declared(content: bytes, kind: MediaType) -> Declared:
    return Declared(kind, len(content))


class TestJudge:
    @pytest.mark.parametrize("kind", MediaType)
    def test_takes_what_was_announced(self, kind: MediaType) -> None:
        content = CONTENT[kind]
        found = Found(f"{kind.value}; charset=utf-8", len(content), content, content)
        assert judge(declared(content, kind), found) is None

    @pytest.mark.parametrize("more", [-1, 1])
    def test_the_size_is_exact(self, more: int) -> None:
        found = Found("video/mp4", len(MP4) + more, MP4, MP4)
        assert judge(declared(MP4, MediaType.MP4), found) is Rejection.SIZE

    @pytest.mark.parametrize(
        ("sent", "content"),
        [
            ("video/mp4", HTML),
            ("video/mp4", SVG),
            ("video/mp4", PNG),
            ("video/mp4", b""),
            ("text/html", MP4),
            ("image/png", MP4),
        ],
    )
    def test_the_type_is_what_the_bytes_and_the_storage_say(
        self, sent: str, content: bytes
    ) -> None:
        found = Found(sent, len(content), content, content)
        assert judge(declared(content, MediaType.MP4), found) is Rejection.TYPE

    @given(st.sampled_from(MediaType), st.sampled_from(MediaType))
    def test_no_type_passes_for_another(self, announced: MediaType, real: MediaType) -> None:
        content = CONTENT[real]
        found = Found(announced.value, len(content), content, content)
        rejection = judge(declared(content, announced), found)
        assert rejection == (None if announced is real else Rejection.TYPE)


ZIP_END = b"PK\x05\x06" + bytes(18)
POLYGLOTS = {
    "a page before a PDF": (MediaType.PDF, b"<html>" + PDF),
    "a PDF after a line": (MediaType.PDF, b"\n" + PDF),
    "a page in a PDF": (MediaType.PDF, PDF[:9] + b"%<script>alert(1)</script>\n" + PDF[9:]),
    "a PDF that goes on": (MediaType.PDF, PDF + b"<script>alert(1)</script>"),
    "a program behind a PDF": (MediaType.PDF, PDF + b"MZ\x90\x00"),
    "an archive behind a PDF": (MediaType.PDF, PDF + ZIP_END),
    "a PDF in the comment of an archive": (
        MediaType.PDF,
        PDF[:20] + ZIP_END[:-2] + len(PDF[20:]).to_bytes(2, "little") + PDF[20:],
    ),
    "an archive behind a picture": (MediaType.PNG, PNG + ZIP_END),
    "an archive behind a picture, and more": (MediaType.PNG, PNG + ZIP_END + b"more"),
    "an archive behind a film": (MediaType.MP4, MP4 + ZIP_END),
    "a page in a picture": (MediaType.PNG, PNG + b"tEXt<ScRiPt>alert(1)</script>"),
    "a drawing in a picture": (MediaType.JPEG, JPEG + b"<svg onload=alert(1)>"),
    "a script that is a picture": (MediaType.JPEG, JPEG.replace(b"\x00\x10JFIF", b"/*JFIF", 1)),
    "a PDF in a picture": (MediaType.JPEG, JPEG + PDF),
    "a page in captions": (MediaType.VTT, VTT + b"<iframe src=//e.invalid></iframe>"),
}


class TestPolyglots:
    @pytest.mark.parametrize("name", POLYGLOTS)
    def test_are_refused(self, name: str) -> None:
        kind, content = POLYGLOTS[name]
        found = Found(kind.value, len(content), content[:SNIFFED_BYTES], content[-TAIL_BYTES:])
        assert judge(declared(content, kind), found) in {Rejection.POLYGLOT, Rejection.TYPE}

    @pytest.mark.parametrize(
        "content",
        [
            PDF + b"\r\n\x00",
            PDF + PDF[9:],
            JPEG + b"\xff\xd9" + JPEG + b"\xff\xd9",
            PNG + b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>",
            PNG + b"PK\x05\x06" + bytes(3),
            VTT + b"<v Ivy>Wash <b>your</b> hands.</v>",
        ],
    )
    def test_what_cameras_and_offices_add_is_taken(self, content: bytes) -> None:
        assert not is_polyglot(content[:SNIFFED_BYTES], content[-TAIL_BYTES:])

    @given(st.binary(max_size=200), st.binary(max_size=200))
    def test_never_fails(self, head: bytes, tail: bytes) -> None:
        assert is_polyglot(head, tail) in {True, False}


def named(kind: str, **settings: object) -> Iterator[tuple[str, uuid.UUID]]:
    parsed = parse_settings(SectionKind(kind), settings).as_json()
    return ((each.pointer, each.media_id) for each in media_of_settings(SectionKind(kind), parsed))


class TestMediaFields:
    def test_of_a_video(self) -> None:
        found = named("video", media_id=str(ID), captions_media_id=str(ID))
        assert list(found) == [("/settings/media_id", ID), ("/settings/captions_media_id", ID)]

    def test_of_a_document(self) -> None:
        assert list(named("document", media_id=str(ID))) == [("/settings/media_id", ID)]

    @pytest.mark.parametrize("kind", SectionKind)
    def test_none_without_any(self, kind: SectionKind) -> None:
        assert list(named(kind)) == []

    def test_a_video_without_captions_reads_as_it_always_did(self) -> None:
        settings = parse_settings(SectionKind.VIDEO, {"media_id": str(ID)}).as_json()
        assert "captions_media_id" not in settings
        assert parse_settings(SectionKind.VIDEO, settings).as_json() == settings


class TestReferencedMedia:
    @pytest.mark.parametrize("text", [str(ID), str(ID).upper()])
    def test_an_id(self, text: str) -> None:
        assert referenced_media(text) == ID

    @pytest.mark.parametrize(
        "text", [None, "", "evidence/bls.pdf", ID.hex, f"{{{ID}}}", f"urn:uuid:{ID}", f"{ID} "]
    )
    def test_any_other_text(self, text: str | None) -> None:
        assert referenced_media(text) is None
