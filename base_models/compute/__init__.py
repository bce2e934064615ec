"""Where and with what the work is done: devices, threads, memory, pieces side by side."""
