"""What a review is worth: how soon bad images are seen, and what mending them does."""
