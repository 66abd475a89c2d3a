"""Parts of measure.py: the cohort, the host, the reports, the promises."""
