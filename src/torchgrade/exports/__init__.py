"""A gradebook's results in the formats of other systems."""
