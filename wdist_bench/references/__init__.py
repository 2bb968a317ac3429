"""What stands behind a name: its paper as BibTeX, and what it is in words."""
