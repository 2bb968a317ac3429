"""What was measured: records, journals, and the statistics of tables."""
