"""One HTML file that says what a run or a cross-validation has come to, and what it gets wrong."""
