"""Answers as they are shown: pictures, tables of a notebook, text that is safe to print."""
