"""What to expect of new videos: outer folds, left-out domains, slices."""
