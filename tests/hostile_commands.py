"""What a user may type or put in place of a file: the command, what lies where, and words of the sentence."""

# ruff: noqa: E501  (a table: one case a line)

import os
from collections.abc import Callable
from pathlib import Path

LONG, RUN = "x" * 300, "results/runs/synthetic/crops/quick/d/0/"
SEED = "whole number from 0 to 4294967295"

COMMANDS: list[tuple[list[str], str]] = [
    # arguments of jobs
    *((["train", "synthetic", "crops", "quick", "d", seed], SEED) for seed in
      ("007", "00", "٣", "1e30", "true", "+1", "1.0", "0x1", "1_0", " 1", "", "4294967296", "9" * 5000, "one", "²")),
    (["train", "synthetic", "crops", "quick", "d", "-1"], "No such option: -1"),
    (["train", "synthetic", "crops", "quick", "d", "../0"], SEED),
    (["evaluate", "synthetic", "crops", "quick", "d", "007"], SEED),
    (["train", "synthetic", "crops", "quick", "d"], "train takes DATA IMAGES RECIPE VARIANT SEED, or nothing"),
    (["train", "synthetic", "crops", "quick", "d", "0", "1"], "unexpected extra argument"),
    (["train", "synthetic", "crops", "quick", "enet", "0"], "enet cannot be pretrained; name none in place of crops"),
    (["evaluate", "synthetic", "crops", "quick", "enet", "0"], "enet cannot be pretrained; name none in place of crops"),
    (["train", "synthetic", "synthetic", "quick", "d", "0"], 'kind "synthetic"'),
    (["train", "crops", "crops", "quick", "d", "0"], 'kind "crops"'),
    (["train", "../x", "crops", "quick", "d", "0"], 'no data "../x"'),
    (["train", "synthetic", "crops", "quick", LONG, "0"], "no variant"),
    (["train", "synthetic", "crops", "quicj", "d", "0"], 'did you mean "quick"'),
    (["train", "synthetic", "crops", "quick", "d", "0", "--force", "--forse"], "--forse"),
    (["train", "synthetic", "crops", "quick", "d", "0"], "manifest.json is missing; run `python -m pipeline prepare synthetic`"),
    (["evaluate", "synthetic", "crops", "quick", "d", "0"], "is missing; run `python -m pipeline prepare synthetic`"),
    (["floor", "synthetic", "quick"], "is missing; run `python -m pipeline prepare synthetic`"),
    (["floor", "crops", "quick"], 'kind "crops"'),
    (["pretrain", "crops", "{pretraining}", "nothing"], 'no backbone "nothing"; known are'),
    (["pretrain", "crops", "{pretraining}", "../x"], "no backbone"),
    (["pretrain", "crops", "quick", "xception-a"], "no pretraining"),
    (["pretrain", "synthetic", "{pretraining}", "xception-a-fitted"], 'kind "synthetic"'),
    (["pretrain", "none", "{pretraining}", "xception-a-fitted"], "no images to pretrain on"),
    (["pretrain", "crops", "{pretraining}", "xception-a-fitted"], "run `python -m pipeline prepare crops`"),
    (["complexity", "synthetic", "quick", "x\x1b[31m"], "no variant"),
    (["complexity", "crops", "quick", "d"], 'kind "crops"'),
    (["prepare", "nothing"], 'no data "nothing"'),
    (["prepare", "none"], 'no data "none"'),
    (["prepare", "camvid"], "is missing; `python -m pipeline fetch camvid`"),
    (["prepare", "cityscapes"], "cityscapes-dataset.com"),
    (["prepare", "imagenet"], "IMAGENET_DIR"),
    (["forms", "quickstart", "dfanet-b"], "dfanet-b, which is none of the variants of quickstart"),
    (["forms", "quickstart", "nothing"], 'no variant "nothing"'),
    (["analyse", "quickstart"], "is missing; run `python -m pipeline"),
    (["analyse", "camvod"], 'did you mean "camvid"'),
    (["track", "quickstart"], "analysis.json is missing; run `python -m pipeline analyse quickstart`"),
    (["track", "camvid"], "analysis.json is missing; run `python -m pipeline analyse camvid`"),
    (["track", LONG], "there is no study"),
    # questions about a study
    (["plan", "--cores", "0"], "--cores"),
    (["plan", "--cores", "-1"], "--cores"),
    (["plan", "--cores", "many"], "--cores"),
    (["plan", "--cores", "9" * 30], "--cores"),
    (["plan", LONG], "there is no study"),
    (["plan", "x" * 5000], "there is no study"),
    (["plan", ""], "there is no study"),
    (["plan", "../params"], "there is no study"),
    (["plan", "../studies/camvid"], "there is no study"),
    (["plan", "a\nb"], "there is no study"),
    (["plan", "{study}"], "there is no study"),
    (["plan", "camvid", "camvid"], "unexpected extra argument"),
    (["plann"], "plann"),
    (["power", "nothing"], "there is no study"),
    (["keep", "nothing"], "there is no study"),
    (["keep"], "no run of quickstart is scored"),
    (["render"], "no results of quickstart are kept"),
    (["verify"], "study quickstart has no results in results to verify"),
    (["use", "nothing"], "there is no study"),
    (["use", "../x"], "there is no study"),
    *((["batch", "first-half-hour", "--minutes", number], "--minutes") for number in ("0", "-1", "nan", "soon", "inf", "1e300")),
    *((["batch", "first-half-hour", "--minutes", "9", "--jobs", number], "--jobs") for number in ("0", "9" * 20)),
    *((["batch", name, "--minutes", "9"], "there is no list") for name in ("nothing", "../x", LONG, "")),
    (["keep", "--from", "nothing.zip"], "nothing.zip is missing"),
    (["keep", "--from", "params.yaml"], "params.yaml is neither zip nor tar"),
    (["keep", "--from", "studies"], "studies is no file"),
    (["ui", "--port", "0"], "--port"),
    (["ui", "--port", "99999"], "--port"),
    (["fetch", "nothing"], 'no data "nothing"'),
    (["fetch", "cityscapes"], "only CamVid can be fetched"),
    # trained networks
    (["predict", "nothing.pt", "params.yaml"], "nothing.pt is missing"),
    (["predict", "params.yaml", "params.yaml"], "params.yaml is not a checkpoint of this project"),
    (["predict", "studies", "params.yaml"], "studies is a folder; name a checkpoint in it"),
    (["predict", "params.yaml", "nothing.png"], "nothing.png is missing"),
    (["predict", "params.yaml", LONG + ".png"], "File name too long"),
    (["predict", "params.yaml", "params.yaml", "--size", "0x0"], "--size"),
    (["predict", "params.yaml", "params.yaml", "--size", "٦٤x٦٤"], "--size"),
    (["predict", "params.yaml", "params.yaml", "--size", "64"], "--size"),
    (["predict", "params.yaml", "params.yaml", "--size", "9999x9999"], "--size"),
    (["predict", "params.yaml", "params.yaml", "--output", "params.yaml"], "params.yaml is a file"),
    (["predict", "params.yaml"], "Missing argument 'inputs'"),
    (["export", "nothing", "x.pt2"], 'no variant "nothing"'),
    (["export", "d", "studies"], "studies exists"),
    (["export", "d", "params.yaml"], "params.yaml exists"),
    (["export", "d", "x.pt2", "--classes", "0"], "--classes"),
    (["export", "d", "x.pt2", "--classes", "1000000000"], "--classes"),
    (["export", "d", "x.pt2", "--size", "1x1"], "--size"),
    (["export", "d", "x.pt2", "--format", "tflite"], "known are torch, onnx"),
    (["export", "d", "nowhere/x.pt2", "--checkpoint", "nothing.pt"], "nothing.pt is missing"),
]  # fmt: skip

STUDY = "study: {{name: mine, title: t, data: synthetic, images: none, recipe: quick, variants: [d], baseline: d, seeds: {}}}"


def study(text: str) -> Callable[[Path], object]:
    """Write studies/mine.yaml."""
    return lambda root: (root / "studies/mine.yaml").write_text(text)


def params(content: bytes | str) -> Callable[[Path], object]:
    """Write params.yaml."""
    return lambda root: (root / "params.yaml").write_bytes(content.encode() if isinstance(content, str) else content)


def line(old: str, new: str) -> Callable[[Path], object]:
    """Change one line of the published params.yaml, with its comments and layout."""
    from tests.conftest import ROOT

    text = (ROOT / "params.yaml").read_text()
    assert old in text
    return params(text.replace(old, new, 1))


def in_place_of(path: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Put something else in place of a file."""

    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        make(root / path)

    return change


def camvid(directory: str) -> Callable[[Path], object]:
    return line("data/raw/CamVid ", directory + " ")


def images(directory: str) -> Callable[[Path], object]:
    return line("data/raw/imagenet ", directory + " ")


FILES: list[tuple[str, Callable[[Path], object], str]] = [
    # params.yaml as a file
    ("plan", params("# größer\n".encode("latin-1")), "params.yaml is not UTF-8"),
    ("plan", params("study: {}".encode("utf-16")), "params.yaml is not UTF-8"),
    ("plan", params("study: {}".encode("utf-32")), "params.yaml is not UTF-8"),
    ("plan", params(b"\xff\xfe\x00"), "params.yaml is not UTF-8"),
    ("plan", params(b"\x00\x01\x02"), "params.yaml is not valid YAML"),
    ("plan", params(b"study: \x1b[31m"), "params.yaml is not valid YAML"),
    ("plan", params(""), "params.yaml holds no sections"),
    ("plan", params("# nothing"), "params.yaml holds no sections"),
    ("plan", params("- a\n- b"), "params.yaml holds no sections"),
    ("plan", params("text"), "params.yaml holds no sections"),
    ("plan", params("study: ["), "params.yaml is not valid YAML"),
    ("plan", params("study:\n\t- a"), "params.yaml is not valid YAML"),
    ("plan", params("a: 1\n---\nb: 2"), "params.yaml is not valid YAML"),
    ("plan", params("a: *nothing"), "params.yaml is not valid YAML"),
    ("plan", params("a: !!python/object/apply:os.system ['touch x']"), "params.yaml is not valid YAML"),
    ("plan", params("a: !mine 3"), "params.yaml is not valid YAML"),
    ("plan", params("? [a]\n: b"), "params.yaml is not valid YAML"),
    ("plan", params("a: 2001-99-99"), "params.yaml is not valid YAML"),
    ("plan", params("a: " + "9" * 5000), "params.yaml is not valid YAML"),
    ("plan", params("[" * 500_000), "params.yaml, line 1 is nested more than"),
    ("plan", params("a: " + "{a: " * 100_000), "params.yaml, line 1 is nested more than"),
    ("plan", params("- " * 100_000), "params.yaml, line 1 is nested more than"),
    ("plan", params("".join(f"{' ' * n}a:\n" for n in range(900))), "is nested more than"),
    ("plan", params("#" * 2_000_000), "params.yaml has 2.0 MB"),
    ("plan", params("a: &a [1]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))), "repeats"),
    ("plan", params("a: &a [*a]"), "contains itself"),
    ("plan", params("a: &a {b: *a}"), "contains itself"),
    ("plan", in_place_of("params.yaml", Path.mkdir), "params.yaml is a folder"),
    ("plan", in_place_of("params.yaml", os.mkfifo), "params.yaml is not a file"),
    ("plan", in_place_of("params.yaml", lambda path: path.symlink_to("params.yaml")), "params.yaml cannot be read"),
    ("plan", in_place_of("params.yaml", lambda path: path.symlink_to("/dev/zero")), "params.yaml is not a file"),
    ("plan", in_place_of("params.yaml", lambda path: None), "params.yaml is missing"),
    # keys given twice, and numbers that YAML reads as others
    ("plan", line("  seeds:\n", "  seeds: [2]\n  seeds:\n"), "gives seeds twice"),
    ("plan", line("study:\n", "latency: {}\nstudy:\n"), "gives latency twice"),
    ("plan", line("  crops:\n", "  synthetic:\n"), "gives synthetic twice"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [007]"), "007, which YAML reads as 7"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [0x1F]"), "0x1F, which YAML reads as 31"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [0b11]"), "0b11, which YAML reads as 3"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [1_0]"), "1_0, which YAML reads as 10"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [1:30]"), "1:30, which YAML reads as 90"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [+1]"), "+1, which YAML reads as 1"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [-0]"), "-0, which YAML reads as 0"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [٣]"), "valid integer"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [1e30]"), "valid integer"),
    ("plan", line("seeds:\n  - 0\n  - 1", "seeds: [yes]"), "valid integer"),
    ("plan", line("like: paper", "like: papre"), 'recipes.camvid.like names "papre" (did you mean "paper"?)'),
    ("plan", line("like: single", "like: a"), "variants.a.like leads back to an entry that is like it (a -> a)"),
    ("plan", line("power: 0.9", "power: 1:30.5"), "1:30.5, which YAML reads as 90.5"),
    # studies
    ("plan mine", study(""), "studies/mine.yaml holds no sections"),
    ("plan mine", study(STUDY.format("[1]") + "\nrecipes: {}"), "holds recipes; only the section study is allowed"),
    ("plan mine", study("study: {name: other}"), "study.name must be mine"),
    ("plan mine", study("study: [1]"), "study.name must be mine"),
    ("plan mine", study(STUDY.format("[true]")), "studies/mine.yaml: study.seeds.0 is True"),
    ("plan mine", study(STUDY.format("[007]")), "007, which YAML reads as 7"),
    ("plan mine", study("study: {name: mine, name: mine}"), "gives name twice"),
    ("plan mine", in_place_of("studies/mine.yaml", Path.mkdir), "studies/mine.yaml is a folder"),
    ("plan mine", in_place_of("studies/mine.yaml", lambda path: path.write_bytes("ö".encode("latin-1"))), "studies/mine.yaml is not UTF-8"),
    ("use mine", study("study: {name: mine, variantz: [d]}"), "study.variantz is unknown"),
    ("use mine", study(STUDY.format("[1]")), "has no section study with one indented key per line"),
    # the paper's tables
    ("paper", in_place_of("data/paper/claims.csv", Path.mkdir), "claims.csv: Is a directory"),
    ("paper", in_place_of("data/paper/claims.csv", lambda path: None), "claims.csv is missing"),
    ("paper", in_place_of("data/paper/claims.csv", lambda path: path.write_bytes(b"\xff\xfe")), "claims.csv is not UTF-8"),
    ("paper", in_place_of("data/paper/claims.csv", lambda path: path.write_text("a,b\n1,2")), "claims.csv has the columns ['a', 'b']"),
    # records and prepared data
    ("plan", in_place_of("data/prepared/synthetic/manifest.json", Path.mkdir), "manifest.json: Is a directory"),
    ("prepare synthetic", in_place_of("data/prepared", lambda path: path.write_text("")), "data/prepared"),
    ("complexity synthetic quick d", in_place_of("results", lambda path: path.write_text("")), "results"),
    ("complexity synthetic quick d", in_place_of("work", lambda path: path.write_text("")), "work"),
    ("track quickstart", in_place_of("results/quickstart/analysis.json", lambda path: path.write_text("{}")), "train.json is missing; run its stage again"),
    # published data
    ("prepare imagenet", images("/proc"), "/proc contains no images in train/CLASS/ and val/CLASS/"),
    ("prepare imagenet", images("/dev/zero"), "/dev/zero"),
    ("prepare imagenet", images("params.yaml"), "params.yaml cannot be read as a zip"),
    ("prepare imagenet", images(LONG), "File name too long"),
    ("prepare imagenet", images("studies"), "studies contains no images in train/CLASS/ and val/CLASS/"),
    ("prepare camvid", camvid("/proc"), "has no frames in train/"),
    ("prepare camvid", camvid("params.yaml"), "params.yaml"),
    ("prepare camvid", camvid("/dev/zero"), "/dev/zero"),
    ("prepare camvid", camvid("studies"), "has no frames in train/"),
    ("fetch camvid", camvid("params.yaml"), "params.yaml"),
]  # fmt: skip
