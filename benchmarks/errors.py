"""What makes a benchmark end without figures."""


class BenchmarkFailed(Exception):
    """Something could not be started or did not do its work; the text says what."""
