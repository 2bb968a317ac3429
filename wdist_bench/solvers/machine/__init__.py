"""What the machine allows: memory for a matrix, and processes that were forked."""
