"""Tiny checkpoints of the real architectures: random weights, real classes, real processors, a few hundred kilobytes.

Test material: everything that the product does with a checkpoint of billions of parameters it does with these.
"""
