"""XML as a plain tree with line numbers; document types and entities are refused unread."""

from dataclasses import dataclass, field
from typing import Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # ships no types
from defusedxml.sax import make_parser  # type: ignore[import-untyped]  # ships no types

MAX_DEPTH: Final = 50
MAX_ELEMENTS: Final = 20_000
CHUNK: Final = 16_384
MAX_TAG: Final = 4 * CHUNK


class InvalidXMLError(ValueError):
    """`line` is where reading stopped."""

    def __init__(self, line: int) -> None:
        super().__init__("the file is not well-formed XML, declares entities, or is too large")
        self.line = line


@dataclass(slots=True)
class Element:
    tag: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, tag: str) -> list["Element"]:
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> "Element | None":
        return next(iter(self.all(tag)), None)

    def value(self, *path: str) -> str:
        """Return the text at the end of a path of tags, stripped; empty where it is missing."""
        element: Element | None = self
        for tag in path:
            element = element.first(tag) if element else None
        return element.text.strip() if element else ""


class _Builder(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", 0, {})
        self.events = 0
        self._count = 0
        self._open = [self.root]
        self._texts: list[list[str]] = [[]]
        self._locator: Locator | None = None

    @property
    def line(self) -> int:
        return (self._locator and self._locator.getLineNumber()) or 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802  # SAX's name
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  # SAX's name
        self.events += 1
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise InvalidXMLError(self.line)
        element = Element(name, self.line, dict(attrs.items()))
        self._open[-1].children.append(element)
        self._open.append(element)
        self._texts.append([])

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802  # SAX's name and arguments
        self._open.pop().text = "".join(self._texts.pop())

    def characters(self, content: str) -> None:
        self.events += 1
        # Joined at the end: expat hands over a line at a time, and long texts have many.
        self._texts[-1].append(content)


def _feed(content: bytes, builder: _Builder) -> None:
    """Parse in pieces, so that other threads run in between and endless tags are noticed."""
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(builder)
    builder.setDocumentLocator(parser)
    last_event, seen = 0, 0
    for start in range(0, max(len(content), 1), CHUNK):
        parser.feed(content[start : start + CHUNK])
        if builder.events != seen:
            last_event, seen = start, builder.events
        elif start - last_event >= MAX_TAG:
            raise InvalidXMLError(builder.line)
    parser.close()


def parse_xml(content: bytes) -> Element:
    """Return the root element. Raises InvalidXMLError."""
    builder = _Builder()
    try:
        _feed(content, builder)
    except (SAXException, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidXMLError(builder.line) from error
    return builder.root.children[0]
