"""Which score tells pictures of other things from those of the classes."""
