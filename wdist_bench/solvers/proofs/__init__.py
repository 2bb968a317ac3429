"""What a solution proves, after what rounding can hide."""
