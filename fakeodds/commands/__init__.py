"""One module a command (the stages of `run` share one)."""
