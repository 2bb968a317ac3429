"""What rows say of the populations that they were drawn from: an interval, a point, a test."""
