"""Generated street scenes that are bit-identical on every machine.

They are computed with integer arithmetic and with the floating-point operations that IEEE 754 rounds exactly (+ - * /
sqrt floor), one ufunc at a time. Neither a compiler nor a processor can therefore change the result.
"""
