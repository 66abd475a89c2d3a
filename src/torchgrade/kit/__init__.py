"""Student kits: what a student may have of a course, cut out of it, and a copier template made of that.

Nothing is copied but what is named here. Hidden graders, solutions, answers, hints, the points of hidden criteria
and the course's secret are never read into a kit, so no list of exceptions has to be complete.
"""

from torchgrade.kit.contents import handout_of, student_files
from torchgrade.kit.copying import render
from torchgrade.kit.repository import Repository
from torchgrade.kit.template import KitSettings, settings_in, template_files

__all__ = [
    "KitSettings",
    "Repository",
    "handout_of",
    "render",
    "settings_in",
    "student_files",
    "template_files",
]
