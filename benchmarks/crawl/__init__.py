"""Ways to fetch the same pictures from the same shop, measured side by side."""
