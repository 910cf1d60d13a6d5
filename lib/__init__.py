"""whence: which task should I transfer from? The helpers that the notebooks import, one module per idea."""
