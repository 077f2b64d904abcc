"""Figure 2 (d) and Figure 3: feature reuse in stage level, which is DFANet."""

from models.structures import c


class Structure(c.Structure):
    """As (c), and each stage is also concatenated into the input of the same stage of the next network."""

    reuses_stages = True
