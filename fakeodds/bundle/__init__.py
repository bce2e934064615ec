"""What a code competition needs with the internet off, as one folder: wheels, run, notebook."""
