"""One score in, a better one out: the calibrators, and the choice among them."""
