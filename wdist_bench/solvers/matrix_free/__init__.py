"""What large samples are solved with: tiles, blocks and cells, never a cost matrix."""
