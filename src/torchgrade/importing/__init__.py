"""Assignments made for other graders, turned into ours."""

from torchgrade.importing.nbgrader import Imported, NotCarried, import_nbgrader

__all__ = ["Imported", "NotCarried", "import_nbgrader"]
