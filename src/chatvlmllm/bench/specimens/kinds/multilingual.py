"""One page in several languages and scripts: Russian, English, German, French and others, paragraph by paragraph."""

from __future__ import annotations

from typing import Any

from chatvlmllm.bench.specimens.draw import Draw, available, page_style

TITLES = {"ru": "Многоязычный текст", "en": "Multilingual text"}
FIELDS: dict[str, str] = {}
_PARTS = {
    "Русский": (
        "Инструкция хранится рядом с прибором. Перед включением проверьте напряжение: оно должно быть 220 В ± 10 %.",
        "Срок службы фильтра — шесть месяцев; замените его раньше, если подача воды ослабла.",
    ),
    "English": (
        "Keep this leaflet near the device. Check the mains voltage before use: it must be 230 V ± 10 %.",
        "The filter lasts six months; replace it sooner if the flow of water becomes weak.",
    ),
    "Deutsch": (
        "Bewahren Sie dieses Blatt in der Nähe des Geräts auf. Prüfen Sie vor dem Einschalten die Spannung.",
        "Der Filter hält sechs Monate; wechseln Sie ihn früher, wenn der Wasserfluss schwächer wird. Größe: 40 × 25.",
    ),
    "Français": (
        "Conservez cette notice près de l’appareil. Vérifiez la tension du réseau avant la mise en marche.",
        "Le filtre dure six mois ; remplacez-le plus tôt si le débit d’eau faiblit. Modèle déposé à Besançon.",
    ),
    "Español": (
        "Guarde esta hoja cerca del aparato. Compruebe la tensión antes de encenderlo: ¿es de 230 V?",
        "El filtro dura seis meses; cámbielo antes si el caudal de agua disminuye. ¡Atención al tamaño!",
    ),
    "Polski": (
        "Przechowuj tę ulotkę w pobliżu urządzenia. Przed włączeniem sprawdź napięcie sieci.",
        "Filtr działa sześć miesięcy; wymień go wcześniej, jeśli strumień wody słabnie. Źródło: łącznik główny.",
    ),
    "Українська": (
        "Зберігайте цей аркуш біля пристрою. Перед увімкненням перевірте напругу в мережі.",
        "Фільтр служить шість місяців; замініть його раніше, якщо потік води ослаб. Ґатунок вказано на кришці.",
    ),
    "Ελληνικά": (
        "Φυλάξτε αυτό το φυλλάδιο κοντά στη συσκευή. Ελέγξτε την τάση πριν από τη χρήση.",
        "Το φίλτρο διαρκεί έξι μήνες· αντικαταστήστε το νωρίτερα αν μειωθεί η ροή του νερού.",
    ),
}


def facts(draw: Draw) -> dict[str, Any]:
    """Russian first, English always, then two to five other languages; fonts that have all three scripts."""
    others = [name for name in _PARTS if name not in ("Русский", "English")]
    chosen = ["Русский", "English", *draw.rng.sample(others, draw.rng.randint(2, 5))]
    families = available(
        ("Liberation Serif", "Liberation Sans", "Noto Serif", "Noto Sans", "DejaVu Sans", "DejaVu Serif")
    )
    return {
        "style": page_style(draw, families),
        "title": draw.pick(("Памятка · Notice", "Инструкция / Instructions")),
        "parts": [(name, _PARTS[name]) for name in chosen],
    }
