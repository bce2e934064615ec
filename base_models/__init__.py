"""Media in, frame scores out: datasets, video, faces, detectors, out-of-fold training."""
