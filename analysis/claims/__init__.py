"""The paper's claims and the verdicts on them. Reads analysis.results; draws nothing."""
