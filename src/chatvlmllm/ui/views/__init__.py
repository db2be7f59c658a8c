"""The pages of the workbench; each module draws one with `page()`."""
