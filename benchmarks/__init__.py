"""The figures of the README, each to be had again: ``python -m benchmarks.NAME``, from the checkout's folder."""
