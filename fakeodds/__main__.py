"""`python -m fakeodds`."""

from fakeodds.cli.main import main

# Processes that are started for pieces of work import this module too.
if __name__ == "__main__":
    main()
