"""Who is closer to the truth, and whether chance could have made the gap."""
