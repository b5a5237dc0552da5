"""The page and the feeds of published videos. Every text in them is a stranger's and is escaped.

Links of the page are relative, so that a copied folder still opens; those of the feeds are absolute, as RSS 2.0 asks.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from jobs.publish.target import Item

TITLE = "Reelmill"
ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Entry:
    """One published video: what it is, its file beside the page, when it was published (ISO 8601), and its size in bytes."""

    item: Item
    file: str
    published: str
    size_bytes: int


def entry(note: object, file: str, size_bytes: int | None = None) -> Entry | None:
    """The entry of a note that a target wrote beside a video; None for whatever else lies there.

    Args:
        note: What the JSON holds.
        file: The video.
        size_bytes: Of the video, where the note does not say.
    """
    facts = dict(note) if isinstance(note, dict) else {}
    published, size = facts.pop("published", None), facts.pop("bytes", size_bytes)
    if set(facts) != {field.name for field in fields(Item)} or not isinstance(published, str) or not isinstance(size, int):
        return None
    return Entry(Item(**facts), file, published, size)


def newest_first(entries: Iterable[Entry | None]) -> list[Entry]:
    """Entries as pages and feeds show them."""
    return sorted((e for e in entries if e is not None), key=lambda e: (e.published, e.item.key), reverse=True)


def index_html(entries: Sequence[Entry]) -> str:
    """A page that works without a network and without scripts."""
    return str(_template().render(title=TITLE, entries=entries))


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True).get_template("index.html.j2")


def feed_json(entries: Sequence[Entry], root: str) -> str:
    """JSON Feed 1.1; `root` is the address of the folder, without a slash at its end."""
    return json.dumps({
        "version": "https://jsonfeed.org/version/1.1", "title": TITLE, "home_page_url": f"{root}/index.html", "feed_url": f"{root}/feed.json",
        "items": [{
            "id": e.item.key, "url": f"{root}/{e.file}", "title": e.item.title, "content_text": e.item.narration, "language": e.item.lang,
            "date_published": e.published, "tags": [e.item.label],
            "attachments": [{"url": f"{root}/{e.file}", "mime_type": "video/mp4", "size_in_bytes": e.size_bytes,
                             "duration_in_seconds": e.item.duration_s}],
        } for e in entries],
    }, ensure_ascii=False, indent=1)


def rss_xml(entries: Sequence[Entry], root: str) -> str:
    """RSS 2.0 with enclosures; `root` as for `feed_json`."""
    feed = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(feed, "channel")
    for name, text in (("title", TITLE), ("link", f"{root}/index.html"), ("description", "Generated videos, labelled as such")):
        Xml.SubElement(channel, name).text = text
    Xml.register_namespace("atom", ATOM)
    Xml.SubElement(channel, f"{{{ATOM}}}link", href=f"{root}/feed.xml", rel="self", type="application/rss+xml")
    for e in entries:
        item = Xml.SubElement(channel, "item")
        Xml.SubElement(item, "guid", isPermaLink="false").text = e.item.key
        for name, text in (("title", e.item.title), ("link", f"{root}/{e.file}"), ("description", f"{e.item.label} · {e.item.narration}"),
                           ("pubDate", format_datetime(datetime.fromisoformat(e.published))), ("category", e.item.label)):
            Xml.SubElement(item, name).text = text
        Xml.SubElement(item, "enclosure", url=f"{root}/{e.file}", length=str(e.size_bytes), type="video/mp4")
    Xml.indent(feed)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(feed, encoding="unicode") + "\n"
