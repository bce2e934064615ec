"""What `fakeodds demo` works on."""
