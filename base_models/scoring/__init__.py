"""Trained detectors to frame scores: of the folds held out, of new videos."""
