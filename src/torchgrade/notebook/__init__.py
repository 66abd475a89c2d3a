"""Pure helpers on notebooks (nbformat 4 as plain dicts): handouts, definitions, outputs, percent scripts."""

from torchgrade.notebook.cells import cell_text_outputs, code_cells, dump
from torchgrade.notebook.definitions import find_definition
from torchgrade.notebook.handout import derive_handout, same_code, translate_handout
from torchgrade.notebook.percent import from_percent, percent_header

__all__ = [
    "cell_text_outputs",
    "code_cells",
    "derive_handout",
    "dump",
    "find_definition",
    "from_percent",
    "percent_header",
    "same_code",
    "translate_handout",
]
