"""What was said of a hand-in on its way in, in the reader's language: ``intake``, the roster, the data sets.

Those say it in English, since they know no course; one that is not here stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from torchgrade.i18n import later, retold
from torchgrade.intake.retelling import SENTENCES as ARRIVING

#: A sentence that another one begins like comes after it.
SENTENCES = (
    later("nothing was handed in"),
    later("not in the roster {name}; graded by the default variant of course.yaml"),
    later("not in the roster {name}"),
    later("The file is empty (0 bytes): there is no notebook in it. Save the notebook and hand it in again."),
    later("The file is blank: there is no notebook in it. Save the notebook and hand it in again."),
    later(
        "The file breaks off in the middle (at line {line}, column {column} its JSON is not complete). "
        "Download the notebook again from Jupyter or Colab and hand that in."
    ),
    later(
        "The file is not a notebook: it is not valid JSON at line {line}, column {column} ({problem}). "
        "Download the notebook again from Jupyter or Colab and hand that in."
    ),
    later(
        "The file's JSON is nested too deeply to be a notebook. "
        "Download the notebook again from Jupyter or Colab and hand that in."
    ),
    later("The file is JSON but not a notebook: a notebook is a JSON object with cells."),
    later("The file is JSON but not a notebook: it has no cells."),
    later("The file is JSON but not a notebook: its {key} are not a list."),
    later(
        "The file is {why}, not a notebook. Download the notebook again from Jupyter or Colab and hand that in."
    ),
    later("a zip archive"),
    later("a PDF"),
    later("a gzip archive"),
    later("a picture"),
    later("a web page (HTML)"),
    later("Its stored outputs are too large to read. Clear the notebook's outputs and hand it in again."),
    later("The notebook has more than {count} cells. Hand in the notebook of the assignment."),
    later("The notebook is written in {language}, but this course needs Python. Choose a Python kernel."),
    later("The text of the notebook's cells is far too long. Move data into files or leave it out."),
    later("The zip file holds more than {count} files. Hand in the notebook alone."),
    later("The folder holds more than {count} files. Hand in the notebook alone."),
    later("The zip file is damaged and cannot be opened. Pack it again."),
    later("There are several notebooks: {names}. Hand in one."),
    later("There are several submissions under this name: {names}. Hand in one notebook."),
    later("There is no notebook: a file with the ending .ipynb is needed. {why}"),
    later("Found only: {names}."),
    later("Nothing else was found either."),
    later("The notebook was read from a zip file ({name})."),
    later("Files in the zip whose paths point outside it were left out ({names})."),
    later("{why} ({count} times)"),
    later("a procedural stand-in takes the place of {name}"),
    later("the test images of {name} are the official, public ones"),
    later("A byte order mark at the beginning of the file was left out."),
    later("The file was read as {encoding}; notebooks are normally UTF-8."),
    later("Line breaks or tabs that stood unescaped inside JSON texts were accepted."),
    later("Numbers that JSON does not know (NaN, Infinity, far too large) were read as null."),
    later("Some JSON keys stood there twice: the last one counts."),
    later("Missing fields were filled in: {names}."),
    later("The notebook says nbformat {number}; it was read as nbformat {newest}."),
    later("The notebook was upgraded from nbformat {number}."),
    later("Something among the cells that is not a cell was left out."),
    later("A cell of an unknown type was kept as raw text and is not run."),
    later("Pictures attached to a text cell were left out."),
    later("Something in a cell's source that is not text was left out."),
    later("A cell whose source is not text was emptied."),
    later("Metadata that is not a JSON object was left out."),
    later("A cell got a new id, because its own was not valid or not the only one."),
    *ARRIVING,
)


def retell(said: str) -> str:
    """The sentence in the reader's language, where it is the engine's."""
    return retold(said, SENTENCES)


def retell_all(said: Iterable[str]) -> tuple[str, ...]:
    """The same for several."""
    return tuple(map(retell, said))
