"""Video files to pictures: which frames, decoded, as RGB."""
