"""How a process starts and ends, and what it prints. Decides no byte of any artifact."""
