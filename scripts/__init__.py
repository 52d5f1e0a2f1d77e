"""Programs of the checkout: the demo and the check of Python's version."""
