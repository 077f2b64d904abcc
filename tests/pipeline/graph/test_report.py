"""What `snakemake --report` shows."""

from pathlib import Path

import pytest

from analysis import registry
from pipeline.graph import graph, report


@pytest.fixture(scope="module")
def shown():
    return [output for output in report.outputs("analyse") if getattr(output, "flags", {}).get("report")]


def test_outputs_are_the_graphs_own(shown):
    assert [str(output) for output in report.outputs("analyse")] == list(graph.STAGES["analyse"].outputs)
    assert not any(getattr(output, "flags", {}) for output in report.outputs("train"))


def test_every_table_and_figure_is_shown_once_with_caption_and_category(shown):
    by_category: dict[str, list[str]] = {}
    for output in shown:
        report = output.flags["report"]
        assert Path(report.caption).read_text().strip()
        by_category.setdefault(report.category, []).append(Path(output).stem)
    outputs = [Path(name) for name in graph.STAGES["analyse"].outputs]
    assert sorted(by_category["Figures"]) == sorted({path.stem for path in outputs if path.parent.name == "figures"})
    assert sorted(by_category["Tables"]) == sorted({path.stem for path in outputs if path.parent.name == "tables"})


def test_titles_come_from_the_registry(shown):
    labels = {Path(output).name: output.flags["report"].labels["what"] for output in shown}
    assert labels["trade_off.svg"] == registry.FIGURES["trade_off"].title
    assert labels["report.html"] == "Report"
