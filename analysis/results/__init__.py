"""Reads and checks result files, and computes statistics. Imports nothing else of the analysis."""
