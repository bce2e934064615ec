"""What commands do on a run folder, step by step."""
