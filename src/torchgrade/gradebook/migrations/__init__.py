"""Named, ordered migrations of the gradebook; ``torchgrade.gradebook.upgrade`` runs them."""
