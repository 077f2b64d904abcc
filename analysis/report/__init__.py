"""The report: a study as one HTML page that needs no other file. Reads all other packages of the analysis."""
