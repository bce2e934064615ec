"""How good probabilities are, with intervals over groups."""
