"""What students handed in, read with suspicion and mended with care: files → submissions."""

from torchgrade.intake.cohort import MAX_BYTES, collect
from torchgrade.intake.dates import moment
from torchgrade.intake.git import Choice
from torchgrade.intake.names import safe_name, safe_names

__all__ = ["MAX_BYTES", "Choice", "collect", "moment", "safe_name", "safe_names"]
