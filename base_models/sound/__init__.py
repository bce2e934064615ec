"""The sound of a video: decoded, cut into windows, stored as log-mel spectrograms."""
