import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.content.html import ALLOWED_ATTRIBUTES, plain_text, sanitise

TAGS = [*ALLOWED_ATTRIBUTES, "script", "style", "svg", "math", "iframe", "form", "noscript", "foo"]
ATTRIBUTES = [
    'href="javascript:alert(1)"',
    'href="https://example.com"',
    'src="data:image/png;base64,AA"',
    'src="https://example.com/x.png"',
    'onclick="alert(1)"',
    'style="color: red"',
    "title='a\"b'",
    "colspan=2",
    "lang=es",
    "src='media:0199c2d4-7a51-7c3e-9d35-1d6f0a4d8e21' alt='a > b'",
    "alt='' src=media:x",
    "",
]
fragments = st.one_of(
    st.builds("<{} {}>".format, st.sampled_from(TAGS), st.sampled_from(ATTRIBUTES)),
    st.builds("</{}>".format, st.sampled_from(TAGS)),
    st.sampled_from(["<!--", "-->", "<![CDATA[", "]]>", "&lt;", "&#x6a;", "&", "<", "\n", "\n\n"]),
    st.text(max_size=5),
)
markup = st.lists(fragments, max_size=15).map("".join)


class TestSanitise:
    def test_keeps_what_authors_need(self) -> None:
        html = (
            "<h2>Sharps</h2><p>Never <strong>recap</strong> by hand<br>H<sub>2</sub>O</p>"
            '<ol start="3"><li>One</li></ol>'
            '<table><tbody><tr><th colspan="2">Agent</th></tr></tbody></table>'
            '<figure><img src="https://example.com/x.png" alt="A bin"><figcaption>x</figcaption>'
            "</figure><blockquote>q</blockquote><pre><code>c</code></pre><hr>"
        )
        assert sanitise(html) == html

    def test_links_say_nothing_about_where_they_come_from(self) -> None:
        assert sanitise('<a href="https://osha.gov/x" target="_blank" rel="me">x</a>') == (
            '<a href="https://osha.gov/x" rel="noopener noreferrer">x</a>'
        )

    @pytest.mark.parametrize("href", ["mailto:privacy@unified.example", "tel:+15550100"])
    def test_keeps_contacts(self, href: str) -> None:
        assert f'href="{href}"' in sanitise(f'<a href="{href}">x</a>')

    @pytest.mark.parametrize(
        "html",
        [
            "<script>evil()</script>",
            "<img src=x onerror=evil()>",
            "<img src='data:image/svg+xml,evil()'>",
            "<img src='http://example.com/evil().png'>",
            "<a href='java\nscript:evil()'>x</a>",
            "<a href=' javascript:evil()'>x</a>",
            "<a href='//example.com/evil()'>x</a>",
            "<svg><script>evil()</script></svg>",
            "<math><mtext><style><img title='</style><img src onerror=evil()>'></style>",
            "<p style='background:url(evil())'>x</p>",
            "<iframe srcdoc='evil()'>evil()</iframe>",
            "<form action='evil()'><input></form>",
            "<noscript><p title='</noscript><img src=x onerror=evil()>'>",
        ],
    )
    def test_drops_what_could_run(self, html: str) -> None:
        assert "evil" not in re.sub("&lt;.*?&gt;", "", sanitise(html))

    @given(markup)
    @example("<pre>\n\n\nx</pre>")
    @example("\ud800")
    @example("<table><p>x<table><a href=x>")
    def test_is_idempotent(self, html: str) -> None:
        clean = sanitise(html)
        assert sanitise(clean) == clean

    @given(markup)
    def test_leaves_only_allowed_tags_and_attributes(self, html: str) -> None:
        for tag, attributes in re.findall(r"<([a-z0-9]+)([^>]*)>", sanitise(html)):
            names = set(re.findall(r' ([a-z-]+)="', re.sub(r'"[^"]*"', '""', attributes)))
            assert names <= ALLOWED_ATTRIBUTES[tag] | {"rel", "lang"}


class TestPlainText:
    @pytest.mark.parametrize(
        ("html", "text"),
        [
            ("<p>One</p><p>two &amp;\n <b>thr</b>ee</p>", "One\ntwo & three"),
            ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
            ("a<br>b", "a\nb"),
            ("<pre>a\nb</pre>", "a\nb"),
            ("<script>x()</script> <p> </p>", ""),
            ("1 &lt; 2", "1 < 2"),
            ("", ""),
        ],
    )
    def test_reads_as_a_reader_does(self, html: str, text: str) -> None:
        assert plain_text(html) == text

    @given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r<&"), max_size=40))
    def test_keeps_the_words_of_plain_text(self, text: str) -> None:
        assert plain_text(text).split() == text.split()
