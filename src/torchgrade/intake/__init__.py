"""What students handed in, read with suspicion and mended with care: files → submissions."""

from torchgrade.intake.cohort import MAX_BYTES, collect
from torchgrade.intake.names import safe_name, safe_names

__all__ = ["MAX_BYTES", "collect", "safe_name", "safe_names"]
