"""WHAT: every shape that crosses a boundary. Imports pyarrow and pydantic, nothing heavier."""

from schemas.behaviour import BEHAVIOUR
from schemas.clips import CLIPS
from schemas.duplicates import DUPLICATES
from schemas.generations import GENERATIONS
from schemas.labels import LABELS
from schemas.prompts import PROMPTS
from schemas.publications import PUBLICATIONS
from schemas.rejects import REJECTS
from schemas.samples import SAMPLES
from schemas.sources import SOURCES
from schemas.table import SCHEMA_VERSION, Table

TABLES = (SOURCES, BEHAVIOUR, CLIPS, REJECTS, DUPLICATES, LABELS, SAMPLES, PROMPTS, GENERATIONS, PUBLICATIONS)
"""All tables of the lake in the order in which data flows."""

__all__ = [
    "BEHAVIOUR", "CLIPS", "DUPLICATES", "GENERATIONS", "LABELS", "PROMPTS", "PUBLICATIONS", "REJECTS", "SAMPLES",
    "SCHEMA_VERSION", "SOURCES", "TABLES", "Table",
]
