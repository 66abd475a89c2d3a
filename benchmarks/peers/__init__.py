"""torchgrade beside other graders of notebooks: ``python -m benchmarks.peers``."""
