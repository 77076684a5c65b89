"""PDFs as people hand them in: looked through for what would run when they are opened.

The reader (pypdf) is a process of its own with limits (`inspector`): it is the one part that has to
make sense of whatever bytes are sent.
"""

from app.integrations.pdf.inspector import PdfInspector

__all__ = ["PdfInspector"]
