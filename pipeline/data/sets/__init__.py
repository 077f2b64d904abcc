"""Data sets, one file each: download, layout and classes. `pipeline.data.registry` finds them by their kind."""
