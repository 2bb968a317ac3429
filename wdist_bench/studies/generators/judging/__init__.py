"""How generated rows are judged: distances, features, neighbours, verdicts."""
