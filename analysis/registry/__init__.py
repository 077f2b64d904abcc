"""The figures and tables of a study: one entry for each. None of them is imported here, so the graph can read it fast.

A new figure or table takes its module, an entry here, and a caption `captions/NAME.rst` beside this file.

May import: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

CAPTIONS = Path(__file__).parent / "captions"


@dataclass(frozen=True)
class Output:
    """A figure or a table: how it is made and what it is called."""

    name: str
    """Name of its files, without the ending."""
    title: str
    """Heading on the report page."""
    function: str
    """What makes it: `package.module.function`."""
    takes: tuple[str, ...] = ("results",)
    """What the function takes: attributes of `analysis.inputs.Inputs`."""
    formats: tuple[str, ...] = ("svg", "png")
    """Endings of its files."""
    of_runs: bool = True
    """Whether it shows runs, and is left out while none is scored."""

    @property
    def module(self) -> str:
        """The module that holds the function."""
        return self.function.rpartition(".")[0]

    @property
    def caption(self) -> str:
        """The caption as one line."""
        return " ".join((CAPTIONS / f"{self.name}.rst").read_text().split())

    def make(self, inputs: Any) -> Any:
        """Import the function and call it with what it takes of `inputs`."""
        function = getattr(import_module(self.module), self.function.rpartition(".")[2])
        return function(*(getattr(inputs, name) for name in self.takes))


def _by_name(*outputs: Output) -> Mapping[str, Output]:
    return {output.name: output for output in outputs}


FIGURES = _by_name(
    Output("effects", "Effects", "analysis.figures.effects.draw", ("results", "effects")),
    Output(
        "accuracy_vs_gflops", "Accuracy against MACs", "analysis.figures.accuracy_vs_cost.against_gflops",
        ("results", "points"),
    ),
    Output(
        "accuracy_vs_latency", "Accuracy against latency", "analysis.figures.accuracy_vs_cost.against_latency",
        ("results", "points"),
    ),
    Output("curves", "Training curves", "analysis.figures.curves.draw"),
    Output("per_class", "IoU of each class", "analysis.figures.per_class.draw"),
    Output("trade_off", "What each variant gains and costs", "analysis.figures.trade_off.draw"),
    Output(
        "architecture", "Architecture, drawn from the model", "analysis.figures.architecture.draw", ("described",),
        of_runs=False,
    ),
    Output(
        "latency_over_sizes", "Latency over image sizes", "analysis.figures.latency_over_sizes.draw", of_runs=False,
    ),
    Output("roofline", "Roofline", "analysis.figures.roofline.draw", ("latency",), of_runs=False),
    Output(
        "qualitative", "Predictions beside the truth", "analysis.figures.qualitative.draw", ("results", "prepared"),
        ("png",),
    ),
    Output(
        "networks", "What each network of an aggregation predicts", "analysis.figures.networks.draw",
        ("results", "prepared"), ("png",),
    ),
)  # fmt: skip

TABLES = _by_name(
    Output("effects", "Effects", "analysis.tables.effects.table", ("results", "effects"), ("csv", "md")),
    Output("accuracy", "Accuracy", "analysis.tables.accuracy.table", formats=("csv", "md")),
    Output("structures", "Structures", "analysis.tables.structures.table", ("results", "structures"), ("csv", "md")),
    Output("health", "Health", "analysis.tables.health.table", formats=("csv", "md")),
    Output(
        "verdicts", "Verdicts", "analysis.tables.verdicts.table", ("judged", "tolerances", "contradictions"),
        ("csv", "md"), of_runs=False,
    ),
    Output(
        "increments", "What each part adds", "analysis.tables.increments.table", ("increments",), ("csv", "md"),
        of_runs=False,
    ),
    Output("latency", "Latency", "analysis.tables.latency.table", formats=("csv", "md"), of_runs=False),
    Output(
        "order", "Who is faster (Table 5)", "analysis.tables.order.table", ("order",), ("csv", "md"), of_runs=False,
    ),
    Output(
        "table1", "Backbones (Table 1)", "analysis.tables.table1.table", ("backbones",), ("md",), of_runs=False,
    ),
)  # fmt: skip
