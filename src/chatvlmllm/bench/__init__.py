"""The laboratory: documents whose truth is known, ways to spoil them, and measures of an answer."""
