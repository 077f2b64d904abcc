"""The verdicts on all claims, and summaries of them. `judging.py` judges one claim."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from analysis.claims.claims import OWN, PAPER, Claim, Tolerance
from analysis.claims.evidence import Counted, Evidence
from analysis.claims.judging import NOT_REPRODUCED, REPRODUCED, VERDICTS, judge
from analysis.results.results import Results

COLUMNS = (
    "id", "source", "table", "row", "column", "quantity", "unit", "paper", "measured", "low", "high", "error",
    "verdict", "fitted", "variant", "conditions", "reason", "read_as", "measured_variant",
)  # fmt: skip

BOUNDS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
"""Other tolerances of MACs and parameters, to show what each would have given."""


def verdicts(
    claims: list[Claim],
    tolerances: dict[str, Tolerance],
    counted: dict[str, Counted],
    fitted: Collection[str] = (),
    found: Results | None = None,
    networks: Mapping[str, dict[str, Any]] | None = None,
) -> pd.DataFrame:
    """One row per claim, in the order of `claims`, with the columns `COLUMNS`.

    `counted` holds what the stage `paper` counted, by variant. `fitted` are the ids of the cells that were used to
    choose an interpretation of the paper; cells whose unit was chosen because it fits are `fitted` too. `found` are a
    study's results, and `networks` the parameters of each claimed variant. In the result, `paper` is the printed text;
    `measured`, `low` and `high` are in the claim's unit, `read_as` its meaning if it is not the literal one. `error` is
    measured / paper - 1, or measured - paper in points for mIoU, and is NaN under other conditions than the claim's.
    `BadInput` if a claimed variant was not counted, or if a fitted id does not belong to a claim.
    """
    evidence = Evidence(claims, tolerances, counted, found, networks or {})
    evidence.check(fitted)
    return pd.DataFrame(
        [_row(claim, evidence, claim.id in fitted or evidence.chose_unit(claim)) for claim in claims],
        columns=list(COLUMNS),
    )


def fitted(searched: dict[str, Any], claims: list[Claim]) -> list[str]:
    """The ids of the claims that were used to choose an interpretation.

    `searched` is the result of the stage `interpretations`. It holds either their ids (`fitted`) or `cells`, in which a
    number that several tables repeat occurs once.
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


def meaning(table: pd.DataFrame) -> str:
    """What "reproduced" means, and what the reproduced numbers are."""
    found = table[table["verdict"] == REPRODUCED]
    counts, fitted = found["quantity"].isin(["macs", "parameters"]).sum(), int(found["fitted"].sum())
    what = "All of them are" if counts == len(found) else f"{counts} of them are"
    return (
        "Reproduced means: measured under the claim's conditions, and no further from the printed number than "
        f"data/paper/tolerances.yaml allows. {what} counts of operations and parameters, which need no training. "
        f"{fitted} of {len(found)} are fitted: they were used to choose between interpretations of the paper, or their "
        "unit was chosen because it fits."
    )


def summary(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the claims of each quantity by verdict. Every verdict has a count, and `all` is the sum."""
    counts = pd.crosstab(table["quantity"], table["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    counts = counts.reindex(table["quantity"].unique())
    counts.loc["all"] = counts.sum()
    return {quantity: row.to_dict() for quantity, row in counts.iterrows()}


def errors(table: pd.DataFrame) -> pd.DataFrame:
    """Median and largest absolute error of MACs and parameters, for the paper's own networks and for its peers.

    Index (quantity, networks); columns `cells`, `fitted` (how many of them were), `median`, `largest` and the `id` of
    the largest. A number that several tables repeat counts once.
    """
    cells = _counted(table).drop_duplicates(["variant", "quantity", "paper", "source"])
    networks = _own(cells).map({True: "the paper's own", False: "its peers"}).rename("networks")
    sizes = cells["error"].abs().groupby([cells["quantity"], networks], sort=False)
    table = sizes.agg(cells="size", median="median", largest="max")
    fitted = cells["fitted"].astype(bool).groupby([cells["quantity"], networks], sort=False).sum()
    return table.assign(fitted=fitted, id=cells.loc[sizes.idxmax(), "id"].to_numpy())


def by_bound(table: pd.DataFrame, bounds: Iterable[float] = BOUNDS) -> pd.DataFrame:
    """Count the cells of the paper's own networks that each bound would reproduce. Bounds are shares of the number.

    Index `bound`; columns `cells`, `rounded` (with half a unit of the last printed digit added) and `bare` (without).
    """
    counted = _counted(table)
    cells = counted[_own(counted)]
    size, decimals = cells["error"].abs(), cells["paper"].str.partition(".")[2].str.len()
    half = 0.5 * 10.0**-decimals / cells["paper"].astype(float)
    rows = {bound: (len(cells), (size <= bound + half).sum(), (size <= bound).sum()) for bound in bounds}
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["cells", "rounded", "bare"])
    return found.rename_axis("bound")


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """The MACs and parameters that were judged."""
    return table[table["quantity"].isin(["macs", "parameters"]) & table["verdict"].isin([REPRODUCED, NOT_REPRODUCED])]


def _own(cells: pd.DataFrame) -> pd.Series:
    """Which cells are of the paper's own networks."""
    return (cells["source"] == PAPER) & cells["row"].str.startswith(OWN)


def _row(claim: Claim, evidence: Evidence, fitted: bool) -> dict[str, object]:
    judgement = judge(claim, evidence)
    given = {key: getattr(claim, key) for key in ("id", "source", "table", "row", "column", "quantity", "unit")}
    return given | {"paper": claim.printed, **judgement._asdict(), "fitted": fitted, "variant": claim.variant}
