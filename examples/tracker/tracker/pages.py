"""The two HTML pages. Fills templates from the storage; what changes data is the API's."""

from html import escape
from pathlib import Path
from string import Template
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse

from .faults import Fault, Faults
from .storage import PAGE_SIZE, Page, Record, Storage

TEMPLATES = Path(__file__).parent / "templates"


def page_routes(storage: Storage, faults: Faults) -> APIRouter:
    routes = APIRouter(default_response_class=HTMLResponse)
    list_page = read_template("list.html")
    record_page = read_template("record.html")

    @routes.get("/")
    def show_list(page: Annotated[int, Query(ge=1)] = 1, owner: str | None = None) -> HTMLResponse:
        owner = owner or None
        wanted = Page(page, oldest_first=Fault.PAGING in faults)
        records, total = storage.page(wanted, owner)
        html = list_page.substitute(
            owner=escape(owner or ""),
            rows="\n".join(row(record) for record in records),
            total=total,
            pager=pager(page, total, owner),
        )
        return HTMLResponse(html)

    @routes.get("/records/{record_id}")
    def show_record(record_id: int) -> HTMLResponse:
        record = storage.get(record_id)
        if record is None:
            raise HTTPException(404, "There is no such record.")
        total = storage.total_cheers()
        html = record_page.substitute(escaped(record), total_cheers=total)
        return HTMLResponse(html)

    return routes


def read_template(name: str) -> Template:
    return Template((TEMPLATES / name).read_text(encoding="utf-8"))


def escaped(record: Record) -> dict[str, str]:
    words = {name: escape(str(value)) for name, value in record.items()}
    return {**words, "archived": "true" if record["archived"] else "false"}


def row(record: Record) -> str:
    return Template(
        '<tr><td><a href="/records/$id">$title</a></td>'
        "<td>$owner</td><td>$progress&nbsp;%</td></tr>"
    ).substitute(escaped(record))


def pager(page: int, total: int, owner: str | None) -> str:
    last = max(1, -(-total // PAGE_SIZE))

    def link(number: int, words: str) -> str:
        query = {"page": number, **({"owner": owner} if owner else {})}
        return f'<a href="/?{escape(urlencode(query))}">{words}</a>'

    parts = [f"page {page} of {last}"]
    if page > 1:
        parts.insert(0, link(page - 1, "previous"))
    if page < last:
        parts.append(link(page + 1, "next"))
    return " · ".join(parts)
