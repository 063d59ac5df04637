"""The report of a run: its document, its words, and its renderings as page, plots and terminal text. Pure."""
