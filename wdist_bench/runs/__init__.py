"""A suite from its file to its journal: cells, engines, workers."""
