"""A local shop that speaks the marketplace's markup: demo, tests and benchmarks crawl it."""

from crawler.storefront.catalogue import Catalogue, Picture, Plant, Product
from crawler.storefront.log import Request, RequestLog
from crawler.storefront.server import Storefront
from crawler.storefront.sources import Studio, drawn_catalogue, folder_catalogue

__all__ = [
    "Catalogue",
    "Picture",
    "Plant",
    "Product",
    "Request",
    "RequestLog",
    "Storefront",
    "Studio",
    "drawn_catalogue",
    "folder_catalogue",
]
