"""Sentences and numbers as text: wording, escaping, verdicts, what is missing."""
