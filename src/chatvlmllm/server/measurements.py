"""What the laboratory measured with this server's data folder: `/v1/measurements`, for whoever chooses a model."""

from fastapi import APIRouter
from pydantic import BaseModel

from chatvlmllm.bench import history
from chatvlmllm.server.edge import PROBLEMS
from chatvlmllm.server.shared import SharedBy

router = APIRouter(tags=["system"], responses=PROBLEMS)


class MeasurementsOut(BaseModel):
    """The last study of every model and program on every set of pages (`data`), the newest first."""

    object: str = "list"
    data: list[history.Entry]


@router.get("/v1/measurements")
def measurements(shared: SharedBy) -> MeasurementsOut:
    """Figures of the studies that `chatvlmllm bench run` kept; none where nothing was measured.

    Error rates are shares, `seconds` the median of a page. Figures are comparable where `data` is the same.
    """
    file = shared.settings.data / history.HISTORY
    return MeasurementsOut(data=history.newest(history.read(file)) if file.exists() else [])
