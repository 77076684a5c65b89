"""PDFs from office programs pass. Those with scripts, links to files or hidden files do not."""

import asyncio
import io
import tempfile
import time
import zlib

import pytest
from pypdf import PdfReader, PdfWriter

from app.domain.content.media.file import Rejection
from app.integrations.pdf import PdfInspector, inspector
from app.integrations.pdf.inspector import InspectionUnavailableError
from tests.factories.pdf import catalog, compressed_pdf, page, pdf

pytestmark = pytest.mark.full

SCRIPT = "<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
MAX_SECONDS = 30


async def judge(content: bytes) -> Rejection | None:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return await PdfInspector().judge(file)


def written(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def of_an_office(*, password: str | None = None, pages: int = 3) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf())))
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "Exposure control plan", "/Producer": "Writer"})
    writer.add_outline_item(title="Chapter", page_number=1)
    if password is not None:
        writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    return written(writer)


def link(address: str) -> bytes:
    action = f"<< /Subtype /Link /A << /S /URI /URI {address} >> >>"
    return pdf(catalog(""), page("/Annots [4 0 R]"), action)


ACTIVE = {
    "script when opened": pdf(catalog(f"/OpenAction {SCRIPT}")),
    "script elsewhere": pdf(catalog("/OpenAction 4 0 R"), page(""), SCRIPT),
    "named scripts": pdf(catalog("/Names << /JavaScript << /Names [(a) 4 0 R] >> >>"), page("")),
    "script of a page": pdf(catalog(""), page(f"/AA << /O {SCRIPT} >>")),
    "script of an annotation": pdf(
        catalog(""), page("/Annots [4 0 R]"), f"<< /Type /Annot /Subtype /Link /A {SCRIPT} >>"
    ),
    "script after a harmless action": pdf(
        catalog(f"/OpenAction << /S /GoTo /D [3 0 R /Fit] /Next {SCRIPT} >>")
    ),
    "escaped names": pdf(catalog("/OpenAction << /#53 /J#61vaScript /J#53 (x) >>")),
    "kind elsewhere": pdf(catalog("/OpenAction << /S 4 0 R /J#53 (x) >>"), page(""), "/JavaScript"),
    "program whose kind is elsewhere": pdf(
        catalog("/OpenAction << /S 4 0 R /Win << >> >>"), page(""), "/Launch"
    ),
    "program": pdf(catalog("/OpenAction << /S /Launch /F (calc.exe) >>")),
    "a file elsewhere": pdf(
        catalog(""), page("/AA << /O << /S /GoToR /F (//e.invalid/a.pdf) /D [0 /Fit] >> >>")
    ),
    "a thread elsewhere": pdf(catalog("/OpenAction << /S /Thread /F 4 0 R >>"), page(""), "<0061>"),
    "a picture elsewhere": pdf(
        catalog(""),
        page("/Resources << /XObject << /a 4 0 R >> >>"),
        "<< /Subtype /Image /F (//e.invalid/a.jpg) /Length 0 >>\nstream\n\nendstream",
    ),
    "a page elsewhere": pdf(
        catalog(""),
        page("/Resources << /XObject << /a 4 0 R >> >>"),
        "<< /Subtype /Form /Ref << /F << /UF (a.pdf) >> /Page 0 >> /Length 0 >>"
        "\nstream\n\nendstream",
    ),
    "form that is sent": pdf(catalog("/OpenAction << /S /SubmitForm /F (https://e.invalid) >>")),
    "link that is a script": link("(javascript:alert\\(1\\))"),
    "link that is a script in parts": link("( java\\nscript:alert\\(1\\))"),
    "link that is a script in other letters": link(
        "<FEFF004A006100760061007300630072006900700074003A>"
    ),
    "link to a file": link("(FILE:///etc/passwd)"),
    "link to a share": link("(smb://e.invalid/a)"),
    "link to a share without a kind": link("(\\\\\\\\e.invalid\\\\a)"),
    "link from a base that is a script": pdf(catalog("/URI << /Base (javascript:) >>")),
    "link in a compressed stream": compressed_pdf(
        catalog("/OpenAction 4 0 R"), "<< /S /URI /URI (data:text/html,x) >>"
    ),
    "link in an object that no table names": pdf(
        unlisted="9 0 obj\n<< /S /URI /#55RI (vbscript:x) >>\nendobj\n"
    ),
    "embedded file": pdf(
        catalog("/Names << /EmbeddedFiles << /Names [(a) 4 0 R] >> >>"),
        page(""),
        "<< /Type /Filespec /F (a.exe) /EF << /F 5 0 R >> >>",
    ),
    "attachment": pdf(catalog(""), page("/Annots [<< /Subtype /FileAttachment >>]")),
    "rich media": pdf(catalog(""), page("/Annots [<< /Type /Annot /Subtype /RichMedia >>]")),
    "XFA form": pdf(catalog("/AcroForm << /Fields [] /XFA (<xdp/>) >>")),
    "in a compressed stream": compressed_pdf(catalog("/OpenAction 4 0 R"), SCRIPT),
    "named in a compressed stream": compressed_pdf(
        catalog("/Names << /JavaScript 4 0 R >>"), "<<>>"
    ),
    "in an object that no table names": pdf(
        unlisted="9 0 obj\n<< /S /JavaScript /JS (x) >>\nendobj\n"
    ),
}

HARMLESS = {
    "the smallest": pdf(),
    "of an office": of_an_office(),
    "closed for changes alone": of_an_office(password=""),
    "compressed": compressed_pdf(catalog("")),
    "opens at a page": pdf(catalog("/OpenAction [3 0 R /Fit]")),
    "opens at a page by an action": pdf(catalog("/OpenAction << /S /GoTo /D [3 0 R /Fit] >>")),
    "link": link("(https://osha.invalid/JavaScript/Launch?at=12:30)"),
    "link to a mailbox": link("(MailTo:office@e.invalid)"),
    "link to a telephone": link("(tel:+1-555-0100)"),
    "link without a kind": link("(www.osha.invalid/a:b)"),
    "link to a base": pdf(catalog("/URI << /Base (https://osha.invalid/) >>")),
    "a printed annotation": pdf(catalog(""), page("/Annots [<< /Subtype /Text /F 4 >>]")),
    "form to fill in": pdf(
        catalog("/AcroForm << /Fields [4 0 R] >>"),
        page("/Annots [4 0 R]"),
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) >>",
    ),
    "tagged": pdf(
        catalog("/MarkInfo << /Marked true >> /StructTreeRoot 4 0 R"),
        page(""),
        "<< /Type /StructTreeRoot /K << /Type /StructElem /S /Document /P 4 0 R >> >>",
    ),
}


@pytest.mark.parametrize("name", ACTIVE)
async def test_active_content_is_refused(name: str) -> None:
    assert await judge(ACTIVE[name]) is Rejection.ACTIVE


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_offices_write_is_taken(name: str) -> None:
    assert await judge(HARMLESS[name]) is None


UNREADABLE = {
    "password": of_an_office(password="secret"),
    "cut off": of_an_office()[:300],
    "rubbish": b"%PDF-1.7\n" + bytes(range(256)) * 40 + b"\n%%EOF\n",
    "objects that no table lists": pdf(unlisted="9 0 obj\n<< /Type /Obj#53tm /N 0 >>\nendobj\n"),
    "no catalog": pdf("null"),
    "deep": pdf(catalog("/Deep " + "[" * 200_000 + "]" * 200_000)),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_is_refused_in_time(name: str) -> None:
    await refused_in_time(UNREADABLE[name])


async def refused_in_time(content: bytes) -> None:
    started = time.monotonic()
    assert await judge(content) is Rejection.UNREADABLE
    assert time.monotonic() - started < MAX_SECONDS


@pytest.mark.full
async def test_a_bomb_is_refused_in_time() -> None:
    """The stream of objects unpacks to a gigabyte."""
    packing = zlib.compressobj(9)
    zeros = b"".join(packing.compress(bytes(2**20)) for _ in range(1_000)) + packing.flush()
    await refused_in_time(compressed_pdf(catalog(""), packed=zeros))


async def test_a_file_waits_for_others_no_longer_than_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inspector, "AT_ONCE", 0)
    monkeypatch.setattr(inspector, "PATIENCE_SECONDS", 0.1)
    async with asyncio.timeout(5):
        with pytest.raises(InspectionUnavailableError):
            await judge(pdf())
