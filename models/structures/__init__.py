"""The structures of Figure 2 on one backbone, one file each: ways to connect networks, and nothing else.

The paper draws the four and measures them with different decoders. Here each returns the outputs and the enc2 of its
networks, and the same decoder fuses them, so that variants differ in the structure alone.

To add a structure, write a file here. Its name is the structure's name in params.yaml, and its class is called
`Structure` and derives from `base.Structure` or from another structure's class::

    from models.structures import d

    class Structure(d.Structure):
        ...

A structure with one network also needs an entry in `SINGLE_NETWORK` of models/space.py. Then add a variant of it to
params.yaml; the file is a source of the jobs of such variants alone.
"""

from importlib import import_module

from models.structures.base import Structure


def find(name: str) -> type[Structure]:
    """The class of the structure with this name in params.yaml."""
    return import_module(f"models.structures.{name.replace('-', '_')}").Structure
