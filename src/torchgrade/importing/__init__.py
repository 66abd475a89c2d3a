"""Assignments made for other graders, turned into ours."""
