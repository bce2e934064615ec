"""New videos that may be of another kind than the labelled ones: are they, and what then."""
