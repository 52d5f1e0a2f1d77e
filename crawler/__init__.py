"""The Scrapy project: search pages in, a versioned image dataset out."""
