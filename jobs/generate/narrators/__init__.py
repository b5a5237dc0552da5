"""One file for each kind of voice."""
