"""The families: cards, image rules, prompts, and the real path through tiny checkpoints."""
