"""Puts the application together from its storage, its faults, its API and its pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from .api import api_routes
from .faults import Faults
from .pages import page_routes
from .storage import Storage

STATIC = Path(__file__).parent / "static"


def create_app(storage: Storage, faults: Faults) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        storage.close()

    # FastAPI's own pages of documentation load their scripts from the network.
    app = FastAPI(title="Tracker", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(api_routes(storage, faults))
    app.include_router(page_routes(storage, faults))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
