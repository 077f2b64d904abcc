"""One module per figure, listed in `analysis.registry`. Reads analysis.results and analysis.claims."""
