"""Spoilt input for every reader and loader: what comes out is a result or the project's own error, soon and in little
memory. `python -m tests.fuzz --inputs 100000` is the long run; tests/product/test_fuzz.py takes some seconds of it."""
