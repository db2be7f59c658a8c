"""What a job has read, as a file in any export format; and what to raise when it has read nothing."""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from chatvlmllm import export
from chatvlmllm.batch.plan import output_stems
from chatvlmllm.export import Format, Style
from chatvlmllm.reading import Verdict
from chatvlmllm.run import Run, Source, environment, overall
from chatvlmllm.server.intake import error_of
from chatvlmllm.server.runner import Belongings
from chatvlmllm.store import jobs
from chatvlmllm.store.database import Database
from chatvlmllm.store.nouns import Job, JobFile

#: What an Accept header may ask for.
_ACCEPTED = {format.media_type: format for format in export.FORMATS.values()}
_PIECE = 1 << 16


def wanted(name: str, accept: str) -> Format:
    """The format that is named, or else the first that is accepted, or else JSON; raises UnknownFormat."""
    if name:
        return export.find(name)
    asked = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((_ACCEPTED[media] for media in asked if media in _ACCEPTED), export.FORMATS["json"])


def run_of(database: Database, job: Job, file: JobFile) -> Run:
    """A file of a job as a run without its readings."""
    begun = job.started or job.created
    return Run(
        document=Source(
            name=file.name,
            media_type=file.media_type,
            bytes=file.bytes,
            sha256=file.document or "",
            pages=file.pages,
        ),
        options=job.options,
        environment=environment(),
        started=datetime.fromtimestamp(begun, UTC).isoformat(timespec="seconds"),
        notices=file.notices,
        verdict=Verdict.FAILED if file.failure else overall(jobs.verdicts(database, file)),
        failure=file.failure,
        seconds={"total": job.ended - begun} if job.ended else {},
    )


def pieces(own: Belongings, job: Job, file: JobFile, format: Format, style: Style) -> Iterator[bytes]:
    """One file of a job in a format; raises OriginalGone where the format shows the pages and the file is not kept."""
    database = own.database
    with ExitStack() as opened:
        document = None
        if format.pictures and file.document is not None:
            document = opened.enter_context(own.chambers.open(own.originals.path(file.document), file.name))
        run, readings = run_of(database, job, file), jobs.readings(database, file)
        yield from export.export(run, readings, format, style, document)


def archive(own: Belongings, job: Job, files: Sequence[JobFile], format: Format, style: Style) -> Iterator[bytes]:
    """All files of a job as a ZIP archive; those that could not be opened are not in it."""
    stems = output_stems([Path(file.name) for file in files])
    with tempfile.TemporaryFile(prefix="chatvlmllm-") as whole:
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
            for stem, file in zip(stems, files, strict=True):
                if file.failure is None:
                    with packed.open(stem + format.suffix, "w") as member:
                        for piece in pieces(own, job, file, format, style):
                            member.write(piece)
        whole.seek(0)
        while piece := whole.read(_PIECE):
            yield piece


def refuse_nothing(database: Database, job: Job, file: JobFile) -> None:
    """Raise why nothing was read, where nothing was: no error leaves as an empty text."""
    why = file.failure or job.failure
    if why is not None:
        raise error_of(why)
    if set(jobs.verdicts(database, file)) == {Verdict.FAILED}:
        first = next(jobs.readings(database, file))
        if first.failure is not None:
            raise error_of(first.failure)
