"""Born-digital PDFs for tests."""

import io

import pikepdf


def text_pdf(*lines: str, pages: int = 1) -> bytes:
    """A PDF whose pages carry `lines` of Latin text in Helvetica."""
    pdf = pikepdf.new()
    for _ in range(pages):
        page = pdf.add_blank_page(page_size=(400, 300))
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        shown = " ".join(f"({line}) Tj 0 -30 Td" for line in lines)
        page.Contents = pdf.make_stream(f"BT /F1 18 Tf 40 240 Td {shown} ET".encode("latin-1"))
    stream = io.BytesIO()
    pdf.save(stream)
    return stream.getvalue()
