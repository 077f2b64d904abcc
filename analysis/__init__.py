"""Results in, tables and figures out: `study.py` is the entry. Knows result files and prepared frames, never torch."""
