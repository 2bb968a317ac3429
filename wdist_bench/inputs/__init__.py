"""What users hand over: containers, doubts about them, names from elsewhere, equal rows."""
