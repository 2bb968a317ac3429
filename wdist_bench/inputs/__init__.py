"""What users hand over: containers of arrays, doubts about them, names from elsewhere."""
