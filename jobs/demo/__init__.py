"""The sample corpus of `reelmill demo`: rendered sources with planted faults, and the truth to hold the result against."""
