"""Grader files are imported here as plain modules; their mark must be known to a strict pytest."""


def pytest_configure(config):
    config.addinivalue_line("markers", "criterion(id): which line of the rubric a grader decides")
