"""Everything that makes results: the command line and, in folders, one room for each subject.

The modules beside the rooms (the command line, `run`, `batch`, `parcel`, `plan`, `keep`, `verify`) join them, and no
room imports these modules.

May import: analysis, models, complexity, config, data, deployment, doctor, evaluation, graph, planning, timing,
tracking, training, utils, verification.
"""
