"""HOW: one package per stage; pure steps, and one job.py with all its Spark."""

from jobs.cache import keep_kernels

keep_kernels()
