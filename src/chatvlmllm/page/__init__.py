"""The CPU's own reading: pixels become words, lines and blocks without any vision-language model."""
