"""The candidate readings of what the paper leaves open, with their errors."""

from analysis.records import Record
from analysis.report.cells import Part


def parts(record: Record | None) -> list[Part]:
    if record is None:
        return []
    return []
