"""Training beside training as the original did it: time, memory, and the machine's limit."""
