"""What a pipeline shows of a check: annotations at the cells, a summary, and files that GitHub and GitLab read.

A student's words are data here, too. They are made plain first (``feedback.clean``), then written by the rules of
each format, and whatever goes to the log itself is printed while the runner is deaf (``workflow.deaf``).
"""
