"""The paper's own numbers, digit for digit from data/paper (mIoU in %, its FLOPs column in G)."""

from pathlib import Path

import pandas as pd

from pipeline import paths
from pipeline.errors import BadInput

TABLES = {"table2": "miou_val", "table3": "miou_val", "table4": "miou_val", "table5": "miou_test"}


def points(folder: Path = Path(paths.PAPER)) -> pd.DataFrame:
    """Rows (model, gmacs, miou in %, split) of Tables 2 to 5; a model that several tables repeat comes once.

    `gmacs` is NaN where the paper gives none.
    """
    rows = pd.concat([_table(folder / f"{name}.csv", column) for name, column in TABLES.items()], ignore_index=True)
    return rows.drop_duplicates(["model", "gmacs", "miou", "split"], ignore_index=True)


def _table(path: Path, column: str) -> pd.DataFrame:
    try:
        rows = pd.read_csv(path)
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; it is part of the repository: `git checkout {path}`") from None
    if "scale" in rows:
        rows["model"] += rows["scale"].map(lambda scale: "" if scale == 1 else f" at {scale:g}")
    rows = rows.rename(columns={column: "miou"})[["model", "gmacs", "miou"]]
    return rows.assign(split=column.removeprefix("miou_"))
