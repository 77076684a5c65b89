import pytest

from app.domain.content.html import sanitise
from app.domain.content.html_limits import (
    MAX_ATTRIBUTES,
    MAX_ELEMENTS,
    TooComplexError,
    refuse_costly,
)

WORST_THAT_PASS = [
    "<ul><li>" * (MAX_ELEMENTS // 2),
    "<p>" + "".join(f"<i lang=x{n}>" * 3 for n in range(5)) + "<p>x" * (MAX_ELEMENTS - 20),
    f"<p><a title={'A' * 100_000}>" + "<p>x" * (MAX_ELEMENTS - 2),
    "&NotEqualTilde;" * 60_000,
    "<!--" * 250_000,
    "<" * 1_000_000,
    "</i>" * 250_000,
    "<?" * 500_000,
    f"<p{' ' * 999_990}>",
]


class TestRefuseCostly:
    @pytest.mark.parametrize(
        "html",
        [
            "".join(f"<i lang=x{n}><p>" for n in range(600)),
            "".join(f"<B id={n}><div>" for n in range(600)),
            "<div>" * (MAX_ELEMENTS + 1),
            f"<p {' '.join(f'a{n}' for n in range(MAX_ATTRIBUTES + 1))}>",
            f"<p {'/'.join(f'a{n}' for n in range(MAX_ATTRIBUTES + 1))}>",
            "<p " + "".join(f"""a{n}='>"'""" for n in range(MAX_ATTRIBUTES + 1)) + ">",
            "x" * 1_000_001,
        ],
    )
    def test_refuses_what_parsers_take_long_for(self, html: str) -> None:
        with pytest.raises(TooComplexError):
            refuse_costly(html)

    def test_a_long_chapter_passes(self) -> None:
        paragraph = '<p lang="es">One <b>bold</b> <em>thing</em> and <a href="#">one</a></p>'
        refuse_costly(paragraph * (MAX_ELEMENTS // 4))

    def test_attributes_of_a_pasted_table_pass(self) -> None:
        refuse_costly(
            "<td width='10%' style='a: \"b\"; c: d' class=\"x y z\" colspan=2>x</td>" * 500
        )


@pytest.mark.parametrize("html", WORST_THAT_PASS, ids=lambda html: html[:12])
def test_sanitising_grows_no_text_beyond_measure(html: str) -> None:
    refuse_costly(html)
    try:
        clean = sanitise(html)
    except TooComplexError:
        return
    assert len(clean) <= 1_000_000
    assert sanitise(clean) == clean


def test_what_is_repeated_is_short() -> None:
    long = "x" * 501
    assert sanitise(f'<a title="{long}">x</a><i lang="{long}">y</i>') == (
        '<a rel="noopener noreferrer">x</a><i>y</i>'
    )
