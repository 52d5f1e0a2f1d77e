"""What the service answers, as models: the source of its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class PredictionAnswer(BaseModel):
    """The label of one picture."""

    model_config = _example(
        kind="prediction",
        source="x.jpg",
        label="saree",
        confidence=0.981,
        uncertain=False,
        distance=0.74,
        probabilities={"jeans": 0.012, "saree": 0.981, "trousers": 0.007},
    )

    kind: Literal["prediction"] = "prediction"
    source: str = Field(description="what the sender called the file")
    label: str = Field(description="the likeliest class")
    confidence: float = Field(ge=0, le=1, description="its probability")
    uncertain: bool = Field(
        description="the confidence is below the threshold, or the picture unlike those that were "
        "trained on: perhaps none of the classes"
    )
    distance: float | None = Field(
        description="how far it is from the pictures that were trained on, beyond 1 it is "
        "uncertain; null where the model has not learnt that"
    )
    probabilities: dict[str, float] = Field(
        description="of each class, in class order; they add up to 1"
    )


class ErrorAnswer(BaseModel):
    """Why one picture has no label; the others of the request have theirs."""

    model_config = _example(
        kind="error",
        source="y.jpg",
        code="truncated",
        reason="truncated or damaged (unrecognized data stream contents); fetch it again",
    )

    kind: Literal["error"] = "error"
    source: str = Field(description="what the sender called the file")
    code: str = Field(
        description="empty, not_an_image, truncated, too_many_pixels or another of the library's"
    )
    reason: str = Field(description="one sentence for people")


Answer: TypeAlias = Annotated[PredictionAnswer | ErrorAnswer, Field(discriminator="kind")]


class ProblemAnswer(BaseModel):
    """Why a whole request is refused."""

    model_config = _example(
        code="too_large",
        reason="a request may have 32,000,000 bytes at most; send fewer or smaller pictures",
    )

    code: str
    reason: str


class DatasetFacts(BaseModel):
    """What the model was trained on."""

    name: str | None = None
    version_id: str | None = None


class MetricsFacts(BaseModel):
    """How good it is, by its last evaluation."""

    accuracy: float = Field(ge=0, le=1)
    ci: tuple[float, float] = Field(description="95% interval of the accuracy")
    n: int = Field(ge=0, description="pictures that it was judged on")
    dataset: str | None = None
    split: str | None = None


class ModelFacts(BaseModel):
    """Which model answers."""

    classes: list[str]
    runtime: str = Field(description="keras, onnx, litert or openvino")
    weights: str = Field(description="where the backbone's weights came from")
    dataset: DatasetFacts
    metrics: MetricsFacts | None = Field(description="null if it was never evaluated")
    temperature: float | None
    threshold: float | None = Field(description="below this confidence an answer is uncertain")


class LimitFacts(BaseModel):
    """What one request may bring."""

    body: int = Field(description="bytes")
    files: int
    pixels: int = Field(description="of each picture")


class Health(BaseModel):
    """That the service is ready, and for what."""

    model_config = _example(
        status="ready",
        version="0.1.0",
        model={
            "classes": ["jeans", "saree", "trousers"],
            "runtime": "onnx",
            "weights": "imagenet",
            "dataset": {"name": "demo/v1", "version_id": "9a0c"},
            "metrics": {
                "accuracy": 0.95,
                "ci": [0.92, 0.97],
                "n": 240,
                "dataset": "demo/v1",
                "split": "test",
            },
            "temperature": 1.31,
            "threshold": 0.6,
        },
        limits={"body": 32_000_000, "files": 64, "pixels": 40_000_000},
        explains=True,
    )

    status: Literal["ready"] = "ready"
    version: str = Field(description="of apparel-clf")
    model: ModelFacts
    limits: LimitFacts
    explains: bool = Field(description="whether POST /explain can be answered")
