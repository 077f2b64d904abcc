"""What `snakemake --report` shows."""

from pathlib import Path

import pytest

from analysis import registry
from pipeline.graph import report
from pipeline.graph.stages import STAGES

OUTPUTS = STAGES["analyse"].outputs


@pytest.fixture(scope="module")
def shown():
    found = [output for name in ("tables", "figures", "report") for output in report.outputs(name)]
    return [output for output in found if getattr(output, "flags", {}).get("report")]


def test_outputs_are_the_graphs_own(shown):
    for name in ("tables", "figures"):
        assert [str(output) for output in report.outputs(name)] == list(OUTPUTS[name])
    assert [str(output) for output in report.outputs("report")] == [OUTPUTS["report"]]


def test_every_table_and_figure_is_shown_once_with_caption_and_category(shown):
    by_category: dict[str, list[str]] = {}
    for output in shown:
        report = output.flags["report"]
        assert Path(report.caption).read_text().strip()
        by_category.setdefault(report.category, []).append(Path(output).stem)
    assert sorted(by_category["Figures"]) == sorted({Path(name).stem for name in OUTPUTS["figures"]})
    assert sorted(by_category["Tables"]) == sorted({Path(name).stem for name in OUTPUTS["tables"]})


def test_titles_come_from_the_registry(shown):
    labels = {Path(output).name: output.flags["report"].labels["what"] for output in shown}
    assert labels["trade_off.svg"] == registry.FIGURES["trade_off"].title
    assert labels["report.html"] == "Report"
