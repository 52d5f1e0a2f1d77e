"""Which copies of a picture are found, which different pictures are taken for one, and how fast."""
