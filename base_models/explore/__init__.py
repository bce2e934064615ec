"""What is in a dataset: files, pictures, faces, doubles, and what fakes differ in."""
