"""Turns result files into tables, figures and a report. `study.py` is the entry point. Never imports torch."""
