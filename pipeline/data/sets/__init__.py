"""One file a data set: where it comes from, how it is laid out, its classes. `registry` finds one by its kind."""
