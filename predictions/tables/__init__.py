"""The typed tables that rooms exchange, and the one reader that makes them of files."""
