"""`fakeodds predict --deadline`: a complete submission in time."""
