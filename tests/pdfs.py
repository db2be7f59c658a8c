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


def breaches_of_pdfa(data: bytes) -> list[str]:
    """Which of these rules of PDF/A-2b (ISO 19005-2) a file breaks, by clause; an empty list is no certificate."""
    found = []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        names = {
            key
            for item in pdf.objects
            if isinstance(item, pikepdf.Dictionary | pikepdf.Stream)
            for key in item.keys()  # noqa: SIM118
        }
        with pdf.open_metadata() as meta:
            if (meta.get("pdfaid:part"), meta.get("pdfaid:conformance")) != ("2", "B"):
                found.append("6.6.4 identification")
            if (meta.get("dc:title") or "") != str(pdf.docinfo.get("/Title", "")):
                found.append("6.6.3 title in two versions")
        banned = {"/JS", "/AA", "/OpenAction", "/EmbeddedFiles", "/SMask", "/F_", "/Alternates", "/OPI", "/PostScript"}
        found += [f"forbidden key {key}" for key in sorted(names & banned)]
        if "/ID" not in pdf.trailer or pdf.is_encrypted:
            found.append("6.1.3 trailer")
        intents = pdf.Root.get("/OutputIntents", [])
        if not any(i.S == "/GTS_PDFA1" and i.DestOutputProfile.N == 3 for i in intents):
            found.append("6.2.4.3 device colour without output intent")
        found += [f"page {n}: {rule}" for n, page in enumerate(pdf.pages, 1) for rule in _page_breaches(page)]
    return found


def _page_breaches(page: pikepdf.Page) -> list[str]:
    found = []
    for font in page.Resources.get("/Font", {}).values():
        low = font.DescendantFonts[0]
        if "/FontFile2" not in low.FontDescriptor:
            found.append("6.2.11.4 font not embedded")
        if "/CIDToGIDMap" not in low:
            found.append("6.2.11.3 no glyph map")
        cmap = font.ToUnicode.read_bytes().upper()
        if any(bad in cmap for bad in (b"> <0000>", b"> <FEFF>", b"> <FFFE>")):
            found.append("6.2.11.7 forbidden character")
    for image in page.Resources.get("/XObject", {}).values():
        plain = image.ColorSpace in ("/DeviceRGB", "/DeviceGray")
        found += [] if plain and not image.get("/Interpolate", False) else ["6.2.8 image"]
    return found
