"""Everything that makes results: the command line, and one room for each subject below it.

The command line, `run`, `plan` and `keep` join the rooms, which know nothing of them.

May import: analysis, complexity, config, data, deployment, evaluation, graph, models, timing, tracking, training, utils.
"""
