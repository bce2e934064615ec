"""Every ensemble size: which detectors are worth their cost."""
