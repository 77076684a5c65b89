"""XML as a plain tree with line numbers; document types and entities are refused unread."""

from dataclasses import dataclass, field
from typing import Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # ships no types
from defusedxml.sax import parseString  # type: ignore[import-untyped]  # ships no types

MAX_DEPTH: Final = 50


class InvalidXMLError(ValueError):
    """`line` is where reading stopped."""

    def __init__(self, line: int) -> None:
        super().__init__("the file is not well-formed XML, or declares entities")
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
        self._open = [self.root]
        self._texts: list[list[str]] = [[]]
        self._locator: Locator | None = None

    @property
    def line(self) -> int:
        return (self._locator and self._locator.getLineNumber()) or 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802  # SAX's name
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  # SAX's name
        if len(self._open) > MAX_DEPTH:
            raise InvalidXMLError(self.line)
        element = Element(name, self.line, dict(attrs.items()))
        self._open[-1].children.append(element)
        self._open.append(element)
        self._texts.append([])

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802  # SAX's name and arguments
        self._open.pop().text = "".join(self._texts.pop())

    def characters(self, content: str) -> None:
        # Joined at the end: expat hands over a line at a time, and long texts have many.
        self._texts[-1].append(content)


def parse_xml(content: bytes) -> Element:
    """Return the root element. Raises InvalidXMLError."""
    builder = _Builder()
    try:
        parseString(content, builder, forbid_dtd=True)
    except (SAXException, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidXMLError(builder.line) from error
    return builder.root.children[0]
