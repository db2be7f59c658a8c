"""The server put together: one host, one pool of threads, the routes, and what every request passes."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.server import (
    chats,
    desk,
    documents,
    edge,
    extract,
    fleet,
    jobs,
    looks,
    measurements,
    openai,
    overview,
    responses,
    system,
)
from chatvlmllm.server.dialects import docling, mistral, openwebui
from chatvlmllm.server.guard import Guard
from chatvlmllm.server.metrics import Metrics
from chatvlmllm.server.pulls import Pulls
from chatvlmllm.server.runner import gauges, runner_of
from chatvlmllm.server.shared import Shared

#: Every route of the server; a module's routes are its `router`. The first is the one that is asked most.
ROUTERS = (
    openai.router,
    responses.router,
    chats.router,
    desk.router,
    documents.router,
    extract.router,
    fleet.router,
    jobs.router,
    looks.router,
    measurements.router,
    overview.router,
    system.router,
    *(dialect.router for dialect in (docling, mistral, openwebui)),
)


def create_app(settings: Settings, url: str = "") -> FastAPI:
    """The server as an ASGI application; `url` is where it will listen, for other processes to find."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = ThreadPoolExecutor(settings.server.queue, thread_name_prefix="request")
        host = Host(settings, url=url)
        runner = await run_in_threadpool(runner_of, host, metrics)
        app.state.shared = Shared(settings, host, pool, metrics, runner, Pulls(settings))
        metrics.look([*system.gauges(host), *gauges(runner)])
        host.watch(metrics.stood)
        try:
            yield
        finally:
            app.state.shared.pulls.close()
            app.state.shared.previews.close()
            await run_in_threadpool(runner.close)
            # First the engines: a generation that goes on ends with its engine, and its thread with it.
            await run_in_threadpool(host.close)
            await run_in_threadpool(pool.shutdown, wait=True, cancel_futures=True)

    app = FastAPI(
        title="ChatVLMLLM",
        version=version("chatvlmllm"),
        lifespan=lifespan,
        responses=edge.PROBLEMS,
        # The pages of FastAPI load scripts from the internet; /openapi.json is all that a client needs.
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    edge.install(app)
    app.add_middleware(Guard, settings=settings.server, metrics=metrics)
    if settings.server.cors:
        app.add_middleware(CORSMiddleware, allow_origins=settings.server.cors, allow_methods=["*"], allow_headers=["*"])
    return app
