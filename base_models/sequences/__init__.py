"""The faces of a video in their order, as embeddings, and the detectors that look at them."""
