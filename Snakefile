# The graph of a study as Snakemake reads it. dvc.yaml states the same graph; tests hold both to pipeline/graph.
#   snakemake --cores 8                          the study in params.yaml
#   snakemake --cores 8 --config study=camvid    another study (studies/camvid.yaml)
#
# A job runs if its record names other parameters (`params: yaml`), sources or inputs than now, whichever engine made it.
# Snakemake knows no parameters of what DVC made, so each job has a stamp whose age tells; the age of an input counts only
# if this run rebuilds it (`take`). No output is marked update(): a failed job's old outputs would look current.

from pipeline.config.types import NAME
from pipeline.graph import graph, report, snakefile, stages

PARAMS = snakefile.load(config)
STUDY = PARAMS.study.model_dump(include={"data", "images", "recipe"})
RUNS = STUDY | {"variant": PARAMS.study.variants, "seed": PARAMS.study.seeds}
GPU = snakefile.gpus()  # a job that uses the GPU has it alone (profiles/default)
ALL = workflow.resource_settings.cores or 1  # nothing may run beside a timing; on a cluster it has the whole node
take = snakefile.Inputs(PARAMS, workflow)


resource_scopes:
    gpu="local",  # one GPU for each node, not for all nodes together


workflow.global_wildcard_constraints(**dict.fromkeys(stages.WILDCARDS, NAME.pattern))


rule all:
    input:
        [job.record for job in graph.jobs(PARAMS)],  # not only the last, so that no missing result is overlooked


rule prepare:
    input:
        stamp="work/stamps/prepared/{data}/manifest.stamp",
    output:
        record="data/prepared/{data}/manifest.json",
    priority: 2  # what trains waits for it
    params:
        yaml="data.{data}",
    shell:
        "python -m pipeline prepare {wildcards.data}"


rule pretrain:
    input:
        stamp="work/stamps/pretrained/{images}/{pretraining}/{backbone}/pretrain.stamp",
        images=take("data/prepared/{images}/manifest.json"),
    output:
        record="results/pretrained/{images}/{pretraining}/{backbone}/pretrain.json",
        curve="results/pretrained/{images}/{pretraining}/{backbone}/curve.csv",
        weights="results/pretrained/{images}/{pretraining}/{backbone}/weights.pt",
    priority: 1
    resources:
        gpu=GPU,
    params:
        yaml="recipes",  # the section `pretraining` that {pretraining} is the name of
    shell:
        "python -m pipeline pretrain {wildcards.images} {wildcards.pretraining} {wildcards.backbone}"


rule train:
    input:
        stamp="work/stamps/runs/{data}/{images}/{recipe}/{variant}/{seed}/train.stamp",
        frames=take("data/prepared/{data}/manifest.json"),
        pretrained=take.of("train", "pretrained"),  # weights.pt of the variant's backbone, if any
        trials=take.of("train", "trials"),  # scores.json of each rate that the recipe chooses from
    output:
        record="results/runs/{data}/{images}/{recipe}/{variant}/{seed}/train.json",
        curve="results/runs/{data}/{images}/{recipe}/{variant}/{seed}/curve.csv",
        weights="results/runs/{data}/{images}/{recipe}/{variant}/{seed}/weights.pt",
    threads: snakefile.threads(PARAMS)
    resources:
        gpu=GPU,
    params:
        yaml="recipes.{recipe}.training variants.{variant}",
    shell:
        "python -m pipeline train {wildcards.data} {wildcards.images} {wildcards.recipe} {wildcards.variant} {wildcards.seed}"


rule evaluate:
    input:
        stamp="work/stamps/runs/{data}/{images}/{recipe}/{variant}/{seed}/scores.stamp",
        frames=take("data/prepared/{data}/manifest.json"),
        weights=take("results/runs/{data}/{images}/{recipe}/{variant}/{seed}/weights.pt"),
    output:
        record="results/runs/{data}/{images}/{recipe}/{variant}/{seed}/scores.json",
        confusion="results/runs/{data}/{images}/{recipe}/{variant}/{seed}/confusion.npz",
        predictions="results/runs/{data}/{images}/{recipe}/{variant}/{seed}/predictions.npz",
    resources:
        gpu=GPU,
    params:
        yaml="evaluation recipes.{recipe}.training variants.{variant}",
    shell:
        "python -m pipeline evaluate {wildcards.data} {wildcards.images} {wildcards.recipe} {wildcards.variant} {wildcards.seed}"


rule floor:
    input:
        stamp="work/stamps/floor/{data}/{recipe}/floor.stamp",
        frames=take("data/prepared/{data}/manifest.json"),
    output:
        record="results/floor/{data}/{recipe}/floor.json",
    params:
        yaml="floor recipes.{recipe}.training",
    shell:
        "python -m pipeline floor {wildcards.data} {wildcards.recipe}"


rule complexity:
    input:
        stamp="work/stamps/complexity/{data}/{recipe}/{variant}.stamp",
    output:
        record="results/complexity/{data}/{recipe}/{variant}.json",
    params:
        yaml="complexity data.{data} recipes.{recipe}.training variants.{variant}",
    shell:
        "python -m pipeline complexity {wildcards.data} {wildcards.recipe} {wildcards.variant}"


rule paper:
    input:
        stamp="work/stamps/paper/complexity.stamp",
        claims=take("data/paper/claims.csv"),
    output:
        record="results/paper/complexity.json",
    params:
        yaml="variants",
    shell:
        "python -m pipeline paper"


rule interpretations:
    input:
        stamp="work/stamps/paper/interpretations.stamp",
        claims=take("data/paper/claims.csv"),
    output:
        record="results/paper/interpretations.json",
    params:
        yaml="variants",
    shell:
        "python -m pipeline interpretations"


rule latency:
    input:
        stamp="work/stamps/{study}/latency.stamp",
    output:
        record="results/{study}/latency.json",
    threads: ALL
    resources:
        gpu=GPU,
    params:
        yaml="latency study data recipes variants",
    shell:
        "python -m pipeline latency {wildcards.study}"


rule forms:
    input:
        stamp="work/stamps/{study}/forms/{variant}.stamp",
        frames=take(expand("data/prepared/{data}/manifest.json", **STUDY)),
        weights=take(
            expand(
                "results/runs/{data}/{images}/{recipe}/{{variant}}/{seed}/weights.pt",
                **STUDY,
                seed=PARAMS.study.seeds[:1],
            )
        ),
    output:
        record="results/{study}/forms/{variant}.json",
    threads: ALL
    resources:
        gpu=GPU,
    params:
        yaml="latency study data recipes variants.{variant}",
    shell:
        "python -m pipeline forms {wildcards.study} {wildcards.variant}"


rule analyse:
    input:
        stamp="work/stamps/{study}/analysis.stamp",
        runs=take(
            expand("results/runs/{data}/{images}/{recipe}/{variant}/{seed}/{file}", **RUNS, file=stages.RUN_FILES)
        ),
        frames=take(expand("data/prepared/{data}/manifest.json", **STUDY)),
        floor=take(expand("results/floor/{data}/{recipe}/floor.json", **STUDY)),
        complexity=take(expand("results/complexity/{data}/{recipe}/{variant}.json", **RUNS)),
        latency=take("results/{study}/latency.json"),
        forms=take.of("analyse", "forms"),  # results/{study}/forms/{variant}.json, if there is one
        paper=take(["data/paper/claims.csv", "data/paper/tolerances.yaml"]),
        counted=take(["results/paper/complexity.json", "results/paper/interpretations.json"]),
    output:
        record="results/{study}/analysis.json",
        metrics=expand("results/{{study}}/metrics/{name}.json", name=[*PARAMS.study.variants, "floor", "majority-class"]),
        curves=expand("results/{{study}}/curves/{name}.csv", name=["loss", "accuracy"]),
        tables=report.outputs("tables"),  # results/{study}/tables/, CSV and Markdown
        figures=report.outputs("figures"),  # results/{study}/figures/, PNG and SVG
        report=report.outputs("report"),  # results/{study}/report.html
    params:
        yaml="study",
    shell:
        "python -m pipeline analyse {wildcards.study}"


rule track:
    input:
        stamp="work/stamps/{study}/mlflow.stamp",
        analysis=take("results/{study}/analysis.json"),
    output:
        record="results/{study}/mlflow.json",
    params:
        yaml="study",
    shell:
        "python -m pipeline track {wildcards.study}"
