"""Tables from a journal: errors, rates, times, beside published ones; Markdown and LaTeX."""
