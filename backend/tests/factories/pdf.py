"""PDFs written by hand, object by object, so that a test says exactly what is in one."""

import zlib

CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
PAGES = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>"


def catalog(entries: str) -> str:
    return CATALOG.replace("/Pages 2 0 R", f"/Pages 2 0 R {entries}")


def page(entries: str) -> str:
    return PAGE.replace("/Parent 2 0 R", f"/Parent 2 0 R {entries}")


def pdf(root: str = CATALOG, sheet: str = PAGE, *more: str, unlisted: str = "") -> bytes:
    """Write a PDF with a table of its objects: 1 is the catalog, 3 the page, then `more`.

    `unlisted` is an object that the table does not have.
    """
    body = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    objects = [each.encode("latin-1") for each in (root, PAGES, sheet, *more)]
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    body += unlisted.encode()
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    ends = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + ends.encode()


def compressed_pdf(root: str, *more: str, packed: bytes | None = None) -> bytes:
    """Write a PDF whose objects are in a compressed stream; `packed` replaces that stream."""
    objects = [root, PAGES, PAGE, *more]
    index, text = "", ""
    for number, each in enumerate(objects, start=1):
        index += f"{number} {len(text)} "
        text += each + "\n"
    packed = packed or zlib.compress((index + text).encode("latin-1"))
    stream_id, table_id = len(objects) + 1, len(objects) + 2
    body = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    stream_at = len(body)
    body += (
        b"%d 0 obj\n<< /Type /ObjStm /N %d /First %d /Length %d /Filter /FlateDecode >>\n"
        b"stream\n%s\nendstream\nendobj\n"
        % (stream_id, len(objects), len(index), len(packed), packed)
    )
    table_at = len(body)
    rows = bytes(5)
    rows += b"".join(b"\x02" + stream_id.to_bytes(3) + bytes([n]) for n in range(len(objects)))
    rows += b"\x01" + stream_at.to_bytes(3) + b"\x00" + b"\x01" + table_at.to_bytes(3) + b"\x00"
    table = zlib.compress(rows)
    body += (
        b"%d 0 obj\n<< /Type /XRef /Size %d /W [1 3 1] /Root 1 0 R /Length %d"
        b" /Filter /FlateDecode >>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n"
        % (table_id, table_id + 1, len(table), table, table_at)
    )
    return body
