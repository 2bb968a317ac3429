"""Rules that every plug-in keeps, and the second routes of truths."""
