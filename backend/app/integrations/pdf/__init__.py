"""Searches uploaded PDFs for content that would run when they are opened.

The parser (pypdf) runs in a process of its own with limits (`inspector`), because it has to read
whatever bytes are uploaded.
"""

from app.integrations.pdf.inspector import PdfInspector

__all__ = ["PdfInspector"]
