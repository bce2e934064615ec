"""The command line: its entry, the options that commands share, help, completion, JSON."""
