"""One source per file: what it serves, how its objects are listed and opened."""
