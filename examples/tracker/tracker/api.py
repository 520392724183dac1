"""The JSON API. Checks what comes in, asks the storage, and lets the faults strike."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field, StringConstraints

from .faults import Fault, Faults, TooManyReports
from .storage import PAGE_SIZE, Page, Record, Storage

# Stands for a heavy query; long enough for the requests of parallel tests to meet.
REPORT_S = 0.15

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Notes = Annotated[str, StringConstraints(max_length=10_000)]
Progress = Annotated[int, Field(ge=0, le=100)]


class NewRecord(BaseModel):
    owner: Name
    title: Name
    progress: Progress = 0
    notes: Notes = ""


class Changes(BaseModel):
    """What is left out, or null, stays as it is."""

    title: Name | None = None
    progress: Progress | None = None
    notes: Notes | None = None


def api_routes(storage: Storage, faults: Faults) -> APIRouter:
    routes = APIRouter()
    add_record_routes(routes, storage, faults)
    add_cheer_routes(routes, storage, faults)
    add_overview_routes(routes, storage, faults)
    return routes


def add_record_routes(routes: APIRouter, storage: Storage, faults: Faults) -> None:
    @routes.get("/api/records")
    def list_records(
        page: Annotated[int, Query(ge=1)] = 1,
        page_size: Annotated[int, Query(ge=1, le=PAGE_SIZE)] = PAGE_SIZE,
        owner: str | None = None,
    ) -> dict[str, Any]:
        wanted = Page(page, page_size, oldest_first=Fault.PAGING in faults)
        records, total = storage.page(wanted, owner)
        return {"records": records, "page": page, "page_size": page_size, "total": total}

    @routes.post("/api/records", status_code=201)
    def add_record(record: NewRecord) -> Record:
        return storage.add(record.model_dump())

    @routes.get("/api/records/{record_id}")
    def get_record(record_id: int) -> Record:
        return found(storage.get(record_id))

    @routes.patch("/api/records/{record_id}")
    def change_record(record_id: int, changes: Changes) -> Record:
        return found(storage.change(record_id, changes.model_dump(exclude_none=True)))

    @routes.post("/api/records/{record_id}/archive")
    def archive_record(record_id: int) -> Record:
        return found(storage.change(record_id, {"archived": True}))

    @routes.post("/api/records/{record_id}/unarchive")
    def unarchive_record(record_id: int) -> Record:
        return found(storage.change(record_id, {"archived": False}))


def add_cheer_routes(routes: APIRouter, storage: Storage, faults: Faults) -> None:
    @routes.post("/api/records/{record_id}/cheers")
    def cheer(record_id: int) -> dict[str, int]:
        cheers = storage.cheer(record_id)
        if cheers is None:
            raise no_such_record()
        if Fault.RACE in faults:
            total = storage.raise_total_carelessly(faults.race_pause_s())
        else:
            total = storage.raise_total()
        return {"cheers": cheers, "total": total}

    @routes.get("/api/cheers")
    def total_cheers() -> dict[str, int]:
        return {"total": storage.total_cheers()}


def add_overview_routes(routes: APIRouter, storage: Storage, faults: Faults) -> None:
    @routes.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/api/search")
    def search(q: Annotated[str, Query(min_length=1)]) -> dict[str, list[Record]]:
        if faults.search_breaks():
            raise HTTPException(500, "The search index is out of order.")
        return {"records": storage.search(q)}

    @routes.get("/api/statistics")
    def statistics(owner: str | None = None) -> dict[str, Any]:
        return storage.statistics(owner)

    @routes.get("/api/report")
    def report(owner: str) -> dict[str, Any]:
        try:
            with faults.one_report():
                time.sleep(REPORT_S)
                return {"owner": owner, **storage.statistics(owner)}
        except TooManyReports as refusal:
            raise HTTPException(503, f"Busy: {refusal}.") from refusal


def found(record: Record | None) -> Record:
    if record is None:
        raise no_such_record()
    return record


def no_such_record() -> HTTPException:
    return HTTPException(404, "There is no such record.")
