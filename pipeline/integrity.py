"""The integrity report of a prepared data set: what was checked and what was found, for people."""

from typing import Any

CHECKED = {
    "segmentation": (
        "Each file was read once. Every image has its label, image and label are of one size, all frames are of one "
        "size, every label is a class or void, and no frame is in two splits (by its pixels)."
    ),
    "classification": "Each image was decoded once and has a class that both splits know.",
}


def report(name: str, result: dict[str, Any]) -> str:
    """Return Markdown: counts, class frequencies and checksums of what `prepare` returned. No time, no path."""
    splits = result["splits"]
    parts = [f"# {name}: integrity", CHECKED[result["task"]], _counts(result), _frequencies(result)]
    sums = [f"{digest}  {file}" for entry in splits.values() for file, digest in entry["sha256"].items()]
    parts += ["## SHA-256 of the arrays", "\n".join(["```", *sums, "```"])]
    return "\n\n".join(parts) + "\n"


def _counts(result: dict[str, Any]) -> str:
    segmentation = result["task"] == "segmentation"
    head = ["split", "frames" if segmentation else "images", "size"] + ["void, % of pixels", "instances"] * segmentation
    rows = []
    for split, entry in result["splits"].items():
        row = [split, str(entry["count"]), f"{entry['size'][1]}x{entry['size'][0]}"]
        if segmentation:
            pixels = sum(entry["class_pixels"]) + entry["ignored_pixels"]
            row += [_percent(entry["ignored_pixels"], pixels), "yes" if entry["instances"] else "no"]
        rows.append(row)
    return _table(head, rows)


def _frequencies(result: dict[str, Any]) -> str:
    key, what = ("class_pixels", "labelled pixels") if result["task"] == "segmentation" else ("class_images", "images")
    counts = [entry[key] for entry in result["splits"].values()]
    rows = [
        [str(number), entry["name"], *(_percent(count[number], sum(count)) for count in counts)]
        for number, entry in enumerate(result["classes"])
    ]
    return f"## Classes, % of {what}\n\n" + _table(["id", "class", *result["splits"]], rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "none"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
