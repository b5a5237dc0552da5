"""One file for each kind of generator."""
