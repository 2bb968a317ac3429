"""Results that somebody hands in: checked, then packed."""
