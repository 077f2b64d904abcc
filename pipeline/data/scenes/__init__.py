"""Made-up street scenes, the same bytes on every machine.

Only integer arithmetic and the floating-point operations that IEEE 754 rounds exactly (+ - * / sqrt floor) are used,
one ufunc at a time, so that neither a compiler nor a processor has anything to choose.
"""
