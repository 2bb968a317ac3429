"""Figures of every suite, one file a subject, and text in them that nothing hides."""
