"""HTML: the page of a results folder, of two side by side, and the site of many."""
