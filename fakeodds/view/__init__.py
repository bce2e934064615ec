"""What people see outside the report: terminal, names, numbers."""
