"""Claims joined with what was measured: which of the paper's numbers hold. Judging one cell is `judging.py`'s."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from analysis.claims.claims import OWN, PAPER, Claim, Tolerance
from analysis.claims.evidence import Counted, Evidence
from analysis.claims.judging import NOT_REPRODUCED, REPRODUCED, VERDICTS, judge
from analysis.results.results import Results

COLUMNS = (
    "id", "source", "table", "row", "column", "quantity", "unit", "paper", "measured", "low", "high", "error",
    "verdict", "fitted", "variant", "conditions", "reason",
)  # fmt: skip

BOUNDS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
"""What the tolerance of MACs and parameters could have been."""


def verdicts(
    claims: list[Claim],
    tolerances: dict[str, Tolerance],
    counted: dict[str, Counted],
    fitted: Collection[str] = (),
    found: Results | None = None,
    networks: Mapping[str, dict[str, Any]] | None = None,
) -> pd.DataFrame:
    """A row for each claim, in their order, with `COLUMNS`.

    `counted` is by variant what the `paper` stage counted, `fitted` the ids of the cells that the interpretation of the
    paper was chosen by, `found` a study's results, `networks` what params.yaml says of each claimed variant. `paper` is
    text as printed; `measured`, `low` and `high` are in the claim's unit; `error` is measured / paper - 1, for miou
    measured - paper in points, and only where the conditions are the claim's. `BadInput` if a claimed variant was not
    counted, or a fitted id is no claim.
    """
    evidence = Evidence(claims, tolerances, counted, found, networks or {})
    evidence.check(fitted)
    return pd.DataFrame([_row(claim, evidence, claim.id in fitted) for claim in claims], columns=list(COLUMNS))


def fitted(searched: dict[str, Any], claims: list[Claim]) -> list[str]:
    """The ids of the claims by which the interpretation was chosen, from the result of the stage `interpretations`.

    It says so by ids, `fitted`, or by its `cells`, of which a number that tables repeat is one.
    """
    if "fitted" in searched:
        return list(searched["fitted"])
    cells = {
        (cell["variant"], "x".join(map(str, cell["size"])), cell["quantity"], cell["paper"])
        for cell in searched["cells"]
        if cell["fitted_by"]
    }
    own = [claim for claim in claims if claim.source == PAPER and not claim.quoted]
    return [each.id for each in own if (each.variant, each.size, each.quantity, each.value) in cells]


def summary(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many claims of each quantity have each verdict; every verdict is there, and `all` sums up."""
    counts = pd.crosstab(table["quantity"], table["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    counts = counts.reindex(table["quantity"].unique())
    counts.loc["all"] = counts.sum()
    return {quantity: row.to_dict() for quantity, row in counts.iterrows()}


def errors(table: pd.DataFrame) -> pd.DataFrame:
    """Of MACs and parameters, for the paper's own networks and for its peers: cells, median and largest |error|.

    A cell that tables repeat counts once. Index (quantity, networks); the largest comes with its `id`.
    """
    cells = _counted(table).drop_duplicates(["variant", "quantity", "paper", "source"])
    networks = _own(cells).map({True: "the paper's own", False: "its peers"}).rename("networks")
    sizes = cells["error"].abs().groupby([cells["quantity"], networks], sort=False)
    table = sizes.agg(cells="size", median="median", largest="max")
    return table.assign(id=cells.loc[sizes.idxmax(), "id"].to_numpy())


def by_bound(table: pd.DataFrame, bounds: Iterable[float] = BOUNDS) -> pd.DataFrame:
    """How many counted cells of the paper's own networks each bound, a share of the printed value, would reproduce.

    Index `bound`; columns `cells`, `rounded` (half a unit of the last printed digit added) and `bare` (without).
    """
    counted = _counted(table)
    cells = counted[_own(counted)]
    size, decimals = cells["error"].abs(), cells["paper"].str.partition(".")[2].str.len()
    half = 0.5 * 10.0**-decimals / cells["paper"].astype(float)
    rows = {bound: (len(cells), (size <= bound + half).sum(), (size <= bound).sum()) for bound in bounds}
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["cells", "rounded", "bare"])
    return found.rename_axis("bound")


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """MACs and parameters that have a verdict."""
    return table[table["quantity"].isin(["macs", "parameters"]) & table["verdict"].isin([REPRODUCED, NOT_REPRODUCED])]


def _own(cells: pd.DataFrame) -> pd.Series:
    """Which cells are of the paper's own networks."""
    return (cells["source"] == PAPER) & cells["row"].str.startswith(OWN)


def _row(claim: Claim, evidence: Evidence, fitted: bool) -> dict[str, object]:
    judgement = judge(claim, evidence)
    given = {key: getattr(claim, key) for key in ("id", "source", "table", "row", "column", "quantity", "unit")}
    return given | {"paper": claim.printed, **judgement._asdict(), "fitted": fitted, "variant": claim.variant}
