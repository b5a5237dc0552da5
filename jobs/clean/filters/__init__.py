"""One filter per file: thresholds with their sources, and examples that are its first tests."""
