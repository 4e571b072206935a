"""What the edge costs, measured beside what else one would use: ``make bench``, or python -m benchmarks."""
