import pandas as pd
import pytest

from analysis.report.page import render
from tests.analysis.report import judged


@pytest.fixture(scope="session")
def verdicts() -> pd.DataFrame:
    return judged.verdicts()


@pytest.fixture(scope="session")
def parts(rendered) -> dict[str, dict]:
    """The study's tables and figures as the page takes them."""
    tables = {path.stem: path.read_text() for path in sorted(rendered.glob("tables/*.md"))}
    figures = {path.name: path.read_bytes() for path in sorted(rendered.glob("figures/*"))}
    return {"tables": tables, "figures": figures}


@pytest.fixture(scope="session")
def page(results, verdicts, parts) -> str:
    return render(results, verdicts, **parts, contradictions=["Table 5, SegNet: 16 ms would be 62.5, not 16.7."])
