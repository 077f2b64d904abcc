"""Does faults to a tiny study, and holds what it comes to against an undisturbed run, bit for bit.

`python -m benchmarks.faults` tries them; docs/troubleshooting.md has its table.
"""
