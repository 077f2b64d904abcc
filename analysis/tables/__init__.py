"""One module per table, listed in `analysis.registry`. Reads analysis.results and analysis.claims."""
