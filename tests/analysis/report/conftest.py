import pandas as pd
import pytest

from analysis.figures import curves, per_class, style
from analysis.report.page import render
from analysis.tables import accuracy, structures
from tests.analysis.report import judged


@pytest.fixture(scope="session")
def verdicts() -> pd.DataFrame:
    return judged.verdicts()


@pytest.fixture(scope="session")
def parts(results, compared) -> dict[str, dict]:
    """Tables and figures of the study as the page takes them: two figures, one of them in both formats."""
    tables = {"accuracy": accuracy.table(results), "structures": structures.table(results, compared)}
    with style.context():
        curve, classes = curves.draw(results), per_class.draw(results)
        figures = {f"curves.{kind}": style.render(curve, kind) for kind in ("svg", "png")}
        figures["per_class.png"] = style.render(classes, "png")
    return {"tables": tables, "figures": figures}


@pytest.fixture(scope="session")
def page(results, verdicts, parts) -> str:
    return render(results, verdicts, **parts, contradictions=["Table 5, SegNet: 16 ms would be 62.5, not 16.7."])
