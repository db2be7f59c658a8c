"""Networks that Transformers does not have; imported in a worker only, by a family's `load`."""
