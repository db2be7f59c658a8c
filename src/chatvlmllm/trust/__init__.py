"""May this reading be believed? Everything here is pure: pixels, texts and readings in, values out.

No module of this package asks an engine; the pipeline does, and hands what was said to these functions. Nothing here
changes a text: marks, doubts and repairs are values beside it.
"""
