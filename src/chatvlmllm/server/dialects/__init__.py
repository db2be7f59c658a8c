"""The languages of other document servers, each a translation to our jobs and back: one module per dialect.

What a dialect has no word for (verdicts) rides in its own place for remarks; what we do not make is said, not faked.
"""
