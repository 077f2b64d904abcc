# The graph as Snakemake reads it. pipeline/graph/graph.py says what every stage takes and makes; dvc.yaml says the same.
#
#   snakemake --cores 8                          the default study (params.yaml)
#   snakemake --cores 8 --config study=camvid    another (studies/camvid.yaml)
#
# A job runs again when its record differs from what its parameters, sources and inputs would make now, whichever engine
# made it. Snakemake sees that as the age of the job's stamp.

from pipeline.config import params
from pipeline.graph import engine, report
from pipeline.graph.graph import STAGES, jobs

PARAMS = params.load(config.get("study"))
GRAPH = engine.Graph(PARAMS, stamp=workflow.is_main_process)
# One job at a time has the GPU (profiles/default); where there is none, nothing waits for it.
GPU = engine.gpus()


wildcard_constraints:
    data="[^/]+",
    images="[^/]+",
    recipe="[^/]+",
    variant="[^/]+",
    seed="[0-9]+",
    study="[^/]+",


# Every record and not the last table alone: a result that is missing must be missed.
rule all:
    input:
        [output for job in jobs(PARAMS) for output in job.outputs],


rule prepare:
    input:
        GRAPH.stamp("prepare"),
    output:
        *STAGES["prepare"].outputs,
    log:
        GRAPH.log("prepare"),
    # Everything that trains waits for preparation and pretraining, what counts and searches does not: those go first.
    priority: 2
    shell:
        "python -m pipeline prepare {wildcards.data}"


rule pretrain:
    input:
        GRAPH.stamp("pretrain"),
        GRAPH.inputs("pretrain"),
    output:
        *STAGES["pretrain"].outputs,
    log:
        GRAPH.log("pretrain"),
    priority: 1
    resources:
        gpu=GPU,
    shell:
        "python -m pipeline pretrain {wildcards.images} {wildcards.recipe} {wildcards.backbone}"


rule train:
    input:
        GRAPH.stamp("train"),
        GRAPH.inputs("train"),
    output:
        *STAGES["train"].outputs,
    log:
        GRAPH.log("train"),
    resources:
        gpu=GPU,
    shell:
        "python -m pipeline train {wildcards.data} {wildcards.images} {wildcards.recipe} {wildcards.variant} {wildcards.seed}"


rule evaluate:
    input:
        GRAPH.stamp("evaluate"),
        GRAPH.inputs("evaluate"),
    output:
        *STAGES["evaluate"].outputs,
    log:
        GRAPH.log("evaluate"),
    resources:
        gpu=GPU,
    shell:
        "python -m pipeline evaluate {wildcards.data} {wildcards.images} {wildcards.recipe} {wildcards.variant} {wildcards.seed}"


rule floor:
    input:
        GRAPH.stamp("floor"),
        GRAPH.inputs("floor"),
    output:
        *STAGES["floor"].outputs,
    log:
        GRAPH.log("floor"),
    shell:
        "python -m pipeline floor {wildcards.data} {wildcards.recipe}"


rule complexity:
    input:
        GRAPH.stamp("complexity"),
    output:
        *STAGES["complexity"].outputs,
    log:
        GRAPH.log("complexity"),
    shell:
        "python -m pipeline complexity {wildcards.data} {wildcards.recipe} {wildcards.variant}"


rule paper:
    input:
        GRAPH.stamp("paper"),
        GRAPH.inputs("paper"),
    output:
        *STAGES["paper"].outputs,
    log:
        GRAPH.log("paper"),
    shell:
        "python -m pipeline paper"


rule interpretations:
    input:
        GRAPH.stamp("interpretations"),
        GRAPH.inputs("interpretations"),
    output:
        *STAGES["interpretations"].outputs,
    log:
        GRAPH.log("interpretations"),
    shell:
        "python -m pipeline interpretations"


# All cores: nothing may run beside a timing.
rule latency:
    input:
        GRAPH.stamp("latency"),
        GRAPH.inputs("latency"),
    output:
        *STAGES["latency"].outputs,
    log:
        GRAPH.log("latency"),
    threads: workflow.cores
    resources:
        gpu=GPU,
    shell:
        "python -m pipeline latency {wildcards.study}"


rule forms:
    input:
        GRAPH.stamp("forms"),
        GRAPH.inputs("forms"),
    output:
        *STAGES["forms"].outputs,
    log:
        GRAPH.log("forms"),
    threads: workflow.cores
    resources:
        gpu=GPU,
    shell:
        "python -m pipeline forms {wildcards.study} {wildcards.variant}"


rule analyse:
    input:
        GRAPH.stamp("analyse"),
        GRAPH.inputs("analyse"),
    output:
        *report.outputs("analyse"),
    log:
        GRAPH.log("analyse"),
    shell:
        "python -m pipeline analyse {wildcards.study}"


rule track:
    input:
        GRAPH.stamp("track"),
        GRAPH.inputs("track"),
    output:
        *STAGES["track"].outputs,
    log:
        GRAPH.log("track"),
    shell:
        "python -m pipeline track {wildcards.study}"


# What ran is current for DVC too, after a failure as well.
onsuccess:
    shell("python -m pipeline agree {PARAMS.study.name}")


onerror:
    shell("python -m pipeline agree {PARAMS.study.name}")
