"""What is trained: models, their losses, and the one loop."""
