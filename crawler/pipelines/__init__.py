"""From a result to a journalled image. One class, one duty; the settings give the order."""

from crawler.pipelines.dedupe import DedupePipeline
from crawler.pipelines.images import ImagePipeline
from crawler.pipelines.relevance import RelevancePipeline
from crawler.pipelines.stage import StagePipeline

__all__ = ["DedupePipeline", "ImagePipeline", "RelevancePipeline", "StagePipeline"]
