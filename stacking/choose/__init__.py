"""Settings of a stack that are chosen inside the folds: the frame rule, the worst domain."""
