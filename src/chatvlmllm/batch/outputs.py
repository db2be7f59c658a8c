"""The files of one document: its exports, and its checked fields where they are wanted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatvlmllm import forms
from chatvlmllm.batch.flow import Job
from chatvlmllm.batch.ledger import Ledger
from chatvlmllm.engines.host import Host
from chatvlmllm.export import Format, Style, export, fields
from chatvlmllm.fields import looker
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import finish, overall
from chatvlmllm.store import write_whole

#: What the file of a document's fields is called.
FIELDS = ".fields.json"


@dataclass(frozen=True)
class Outputs:
    """Writes into `folder`, in `formats`; `form` is a document type or `auto`, None when no fields are wanted."""

    folder: Path
    formats: Sequence[Format]
    style: Style
    ledger: Ledger
    host: Host
    form: str | None = None

    def write(self, job: Job) -> Verdict:
        """Write what is not written yet of a complete document; raises OutputUnwritable."""
        verdict = overall(Verdict(str(self._row(job, number)["verdict"])) for number in job.numbers)
        suffixes = [format.suffix for format in self.formats] + ([FIELDS] if self.form else [])
        files = [job.item.name + suffix for suffix in suffixes]
        record = {
            "event": "document",
            "name": job.item.name,
            "sha256": job.document.sha256,
            "way": job.way.digest[:16],
            "pages": list(job.numbers),
            "verdict": verdict.value,
            "rows": self._seen(job),
            "files": files,
            "style": repr((self.style, self.form)),
            "failure": "",
            "message": "",
        }
        if self.ledger.journal.document(job.item.name) == record and self._there(files):
            return verdict
        for format in self.formats:
            run = finish(job.run, verdict, job.taken)
            pieces = export(run, self._readings(job), format, self.style, job.document)
            write_whole(self.folder / (job.item.name + format.suffix), pieces)
        if self.form:
            write_whole(self.folder / (job.item.name + FIELDS), [self._fields(job, self.form)])
        self.ledger.journal.write(record)
        return verdict

    def _there(self, files: Sequence[str]) -> bool:
        return all((self.folder / file).is_file() for file in files)

    def _row(self, job: Job, number: int) -> dict[str, object]:
        row = self.ledger.journal.row(job.at(number))
        if row is None:
            self.ledger.reading(job.key(number))
            row = self.ledger.journal.row(job.at(number))
        assert row is not None
        return row

    def _seen(self, job: Job) -> str:
        """Which results were written: where their rows stand in the journal, as a digest."""
        from hashlib import sha256

        kept = self.ledger.journal.past.kept
        return sha256(" ".join(str(kept[job.at(number)]) for number in job.numbers).encode()).hexdigest()[:16]

    def _readings(self, job: Job) -> Iterator[Reading]:
        for number in job.numbers:
            yield self.ledger.reading(job.key(number))

    def _fields(self, job: Job, form: str) -> bytes:
        readings = list(self._readings(job))
        pages = dict(zip(job.numbers, job.document.pages(job.numbers), strict=True))
        look = looker({r.page: (pages[r.page], r) for r in readings}, job.run.options, self.host)
        found = forms.extract(readings, form, forms.Aids(look=look))
        known = None if found.form == forms.OTHER else forms.find(found.form)
        return "".join(fields.json([fields.Paper(job.item.name, found, known)])).encode()
