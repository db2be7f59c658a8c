"""Many files: each is opened, read and reported on its own, so that none costs another its result."""
