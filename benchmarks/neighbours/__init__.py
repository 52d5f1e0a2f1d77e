"""Ways to find all pairs of near hashes, measured side by side."""
