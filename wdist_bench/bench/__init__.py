"""Suite -> cells -> protocol -> journal, and the statistics of tables."""
