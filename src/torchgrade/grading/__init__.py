"""Reaches verdicts: runs a submission in a room, lets the graders examine it, and judges what they found."""
