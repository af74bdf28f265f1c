"""Session files from other runners: the mutation that imports them, and what could not be stored."""
