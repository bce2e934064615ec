"""Faster ways to compute what a trained detector computes, and the proof that they do."""
