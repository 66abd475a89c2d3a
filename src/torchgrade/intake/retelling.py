"""What is said of hand-ins from platforms and repositories, for whoever retells it in the reader's language.

Said in English where it is found out, since no reader is known there: ``torchgrade.i18n.retold`` finds it again.
"""

from __future__ import annotations

from torchgrade.i18n import later

#: A sentence that another one begins like comes after it.
SENTENCES = (
    later("Canvas marks this hand-in as late."),
    later("This was handed in by {count} students together."),
    later("The time in timestamp.txt could not be read."),
    later("Of several versions of one file the newest was taken ({name})."),
    later("Of several notebooks '{name}' was taken."),
    later("Of {count} hand-ins the newest was taken, of {moment}."),
    later("Commit {commit} of {moment} was taken."),
    later("Commit {commit} was taken."),
    later("There is no git repository here."),
    later("The git repository holds no commit."),
    later("The git repository holds no commit until {moment}."),
    later("The git repository has no tag '{tag}'. It has none."),
    later("The git repository has no tag '{tag}'. Its tags: {names}."),
    later("The git repository keeps its objects in another one. Clone it anew, without that."),
    later("The git repository is kept in a way that is not read here."),
    later("The git repository is damaged or is kept in a way that is not read here."),
    later("The git repository is damaged: git cannot read it."),
    later("The git repository is too large."),
    later("Reading the git repository takes too long."),
    later("The git repository could not be fetched: {problem}."),
    later("The notebook is kept in Git LFS; the repository holds only a pointer to it."),
)
