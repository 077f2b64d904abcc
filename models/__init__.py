"""The networks: no files, no flags, no tracking; one architecture a file."""
