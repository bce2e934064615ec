"""From a calibrated probability to FAKE, REAL or undecided, with what that delivers."""
