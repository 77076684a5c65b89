"""Pictures in bodies: what is kept of them, what is missing of them, and who is not fooled."""

import time
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.content.draft import SectionDraft
from app.domain.content.html import plain_text, sanitise
from app.domain.content.media.picture import MAX_PICTURES, picture_faults, pictures_in
from app.domain.content.media.use import media_of_section
from app.domain.content.section_kind import report_thresholds
from app.domain.content.section_settings import SectionKind

ID = UUID("0199c2d4-7a51-7c3e-9d35-1d6f0a4d8e21")
KEPT = f'<img src="media:{ID}" alt="A sharps container">'


def shown(html: str) -> list[UUID]:
    return [media_id for _, media_id in pictures_in(sanitise(html))]


def faults(html: str) -> list[tuple[str, str]]:
    found = picture_faults("/body", sanitise(html))
    return [(each.code, each.detail.split(" ")[1]) for each in found]


class TestSource:
    def test_is_kept_as_it_is_written(self) -> None:
        assert sanitise(f"<p>{KEPT}</p>") == f"<p>{KEPT}</p>"
        assert shown(KEPT) == [ID]
        assert faults(KEPT) == []

    @pytest.mark.parametrize(
        "source",
        [
            f"MEDIA:{str(ID).upper()}",
            f" media:{ID}\n",
            f"media&colon;{ID}",
            f"&#x6d;edia:{ID}",
        ],
    )
    def test_is_one_however_it_is_spelt(self, source: str) -> None:
        assert sanitise(f'<img src="{source}" alt="A sharps container">') == KEPT

    @pytest.mark.parametrize(
        "source",
        ["media:", "media:x", f"media:{ID}.svg", f"media:{ID}?x=1", f"media:../{ID}", "media://x"],
    )
    def test_names_a_file_and_nothing_else(self, source: str) -> None:
        html = f'{KEPT}<img src="{source}" alt="A bin">'
        assert shown(html) == [ID]
        assert faults(html) == [("picture_without_file", "2")]

    @pytest.mark.parametrize(
        "html",
        [
            f'<a href="media:{ID}">x</a>',
            f'<img srcset="media:{ID} 2x" alt="x">',
            f'<img data-src="media:{ID}" alt="x">',
            f'<p style="background:url(media:{ID})">x</p>',
            f'<video src="media:{ID}"></video>',
            f'<svg><image href="media:{ID}"></image></svg>',
            f'<p>&lt;img src="media:{ID}"&gt;</p>',
            f'<img src="https://a.example/x.png" alt=\'<img src="media:{ID}">\'>',
            f'<p title="<img src=&quot;media:{ID}&quot;>">x</p>',
            f'<!-- <img src="media:{ID}"> -->',
            f'<img src="https://a.example/x.png" src="media:{ID}" alt="x">',
            f'<img src="data:image/svg+xml,media:{ID}" alt="x">',
            f'<img src="me\tdia:{ID}" alt="x">',
        ],
    )
    def test_is_nowhere_else(self, html: str) -> None:
        assert shown(html) == []


class TestAltText:
    @pytest.mark.parametrize(
        "alt", ["", " alt", ' alt=""', ' alt=" "', ' alt="&#x2800;&nbsp;"', f' alt="{"x" * 501}"']
    )
    @pytest.mark.parametrize("source", [f"media:{ID}", "https://a.example/x.png"])
    def test_is_required(self, source: str, alt: str) -> None:
        html = f'{KEPT}<img src="{source}"{alt}>'
        assert faults(html) == [("picture_without_alt", "2")]

    def test_is_not_read_as_text_of_the_module(self) -> None:
        words = " ".join(["word"] * 1_000)
        html = f'<p>Read</p><img src="media:{ID}" alt="{words[:500]}">'
        assert plain_text(sanitise(html)) == "Read"
        assert report_thresholds(SectionKind.TEXT, {}, html * 20).minimum_seconds == 0


class TestMany:
    def test_are_limited(self) -> None:
        assert faults(KEPT * MAX_PICTURES) == []
        (last,) = picture_faults("/body", KEPT * (MAX_PICTURES + 1))
        assert last.code == "too_many_pictures"

    def test_are_read_in_a_moment(self) -> None:
        body = KEPT * 5_000 + "<img" + ' a="' * 100_000
        started = time.process_time()
        assert sum(1 for _ in pictures_in(body)) == 5_000
        assert time.process_time() - started < 1


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        source = dict(attrs).get("src") or ""
        if tag == "img" and source.startswith("media:") and source != "media:":
            self.sources.append(source.removeprefix("media:"))


pieces = st.sampled_from(
    [
        *(KEPT, f"media:{ID}", "<img", ' src="', ' alt="', '"', "'", ">", "<", "&quot;", "&lt;"),
        *("<p>", "<a title=", "src=", "alt=", "x", "<!--", "-->", "<pre>", "<svg>", "<table>"),
        *("<b ", " ", "/"),
    ]
)


@given(st.lists(pieces, max_size=20).map("".join))
@example(f"<img alt=\"src='media:{ID}'\" src=media:{ID}>")
def test_a_parser_finds_the_same(html: str) -> None:
    clean = sanitise(html)
    reader = _Reader()
    reader.feed(clean)
    assert [str(media_id) for _, media_id in pictures_in(clean)] == reader.sources


def test_a_section_names_the_files_of_all_its_parts() -> None:
    section = SectionDraft(
        id=ID, kind=SectionKind.VIDEO, title="x", position=1, body=KEPT, settings={"media_id": ID}
    )
    assert [each.pointer for each in media_of_section(section)] == ["/settings/media_id", "/body"]
