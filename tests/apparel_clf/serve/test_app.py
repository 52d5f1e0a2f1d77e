"""What the service answers: predictions in order, explanations, facts, its own document."""

import io

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from pydantic import ValidationError

import apparel_clf as ac
from apparel_clf.errors import ModelFileError
from apparel_clf.serve import Limits, create_app
from apparel_clf.serve.models import ErrorAnswer, Health, PredictionAnswer

from .conftest import COLOURS, LIMITS, SECONDS, coloured, encoded, serving


def test_pictures_are_answered_in_order_and_a_bad_one_fails_no_other(predict, classifier):
    files = [
        ("a.png", encoded(coloured("saree"), "PNG")),
        ("b.jpg", b"no picture"),
        ("c.webp", encoded(coloured("jeans"), "WEBP")),
    ]
    answer = predict(*files)
    assert answer.status_code == 200
    first, second, third = answer.json()
    assert (first["source"], first["label"]) == ("a.png", "saree")
    assert second["kind"] == "error"
    assert second["source"] == "b.jpg"
    assert second["code"] == "not_an_image"
    assert "readable are JPEG" in second["reason"]
    assert (third["source"], third["label"]) == ("c.webp", "jeans")


def test_an_answer_is_what_the_library_predicts(predict, classifier):
    data = encoded(coloured("trousers", seed=3), "PNG")
    (found,) = predict(("x.png", data)).json()
    expected = classifier.predict(data, threshold=0.9)
    assert PredictionAnswer.model_validate(found)
    assert found["label"] == expected.label
    assert found["confidence"] == pytest.approx(expected.confidence, abs=1e-5)
    assert list(found["probabilities"]) == list(classifier.classes_)
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert found["uncertain"] is (found["confidence"] < 0.9)


def test_below_the_threshold_an_answer_is_uncertain(classifier):
    # Halfway between two classes, so that no threshold near 1 is reached.
    jeans, saree = (np.asarray(coloured(name), np.float32) for name in ("jeans", "saree"))
    between = encoded(Image.fromarray(((jeans + saree) / 2).astype(np.uint8)), "PNG")
    for threshold, expected in ((0.0, False), (1.0, True)):
        app = create_app(classifier, LIMITS, threshold=threshold)
        with serving(app, LIMITS) as url:
            files = {"files": ("x.png", between)}
            answer = httpx.post(f"{url}/predict", files=files, timeout=SECONDS)
        assert answer.json()[0]["uncertain"] is expected


def test_explain_gives_the_upright_picture_under_a_heat_map(predict, classifier):
    data = encoded(coloured("saree", size=(90, 60)))
    answer = predict(("x.jpg", data), address="/explain")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    overlay = Image.open(io.BytesIO(answer.content))
    assert overlay.size == (90, 60)
    expected = classifier.explain(data)
    assert np.array_equal(np.asarray(overlay.convert("RGB")), np.asarray(expected.overlay()))
    assert answer.headers["heat-map"] == ("empty" if expected.empty else "shown")


@pytest.mark.usefixtures("nothing_warm")
def test_an_empty_heat_map_is_told_in_a_header(predict):
    answer = predict(("x.jpg", encoded(coloured("saree"))), address="/explain")
    assert (answer.status_code, answer.headers["heat-map"]) == (200, "empty")


def test_explain_says_why_it_cannot(predict):
    good = ("x.jpg", encoded(coloured("saree")))
    bad = predict(("x.jpg", b"nonsense"), address="/explain")
    assert (bad.status_code, bad.json()["code"]) == (422, "not_an_image")
    two = predict(good, good, address="/explain")
    assert (two.status_code, two.json()["code"]) == (413, "too_many_files")


def test_a_model_that_cannot_explain_says_so(classifier, monkeypatch):
    def refuse(image, label=None):
        raise ac.SettingsError("this export holds no map")

    monkeypatch.setattr(type(classifier), "explain", refuse)
    app = create_app(classifier, LIMITS)
    with serving(app, LIMITS) as url:
        assert httpx.get(f"{url}/health", timeout=SECONDS).json()["explains"] is False
        files = {"files": encoded(coloured("saree"))}
        answer = httpx.post(f"{url}/explain", files=files, timeout=SECONDS)
    assert (answer.status_code, answer.json()["code"]) == (501, "cannot_explain")
    assert answer.json()["reason"] == "this export holds no map"


def test_health_tells_the_model_and_the_limits(client, classifier):
    facts = Health.model_validate(client.get("/health").json())
    assert facts.model.classes == list(COLOURS)
    assert facts.model.runtime == "keras"
    assert facts.model.dataset.model_dump() == {"name": "toy/v1", "version_id": "abc123"}
    assert facts.model.metrics.n == 30
    assert facts.model.metrics.accuracy == classifier.metrics_["accuracy"]
    low, high = facts.model.metrics.ci
    assert low <= facts.model.metrics.accuracy <= high
    assert facts.limits.model_dump() == {"body": 2_000_000, "files": 8, "pixels": 2_000_000}
    assert facts.explains is True


def test_openapi_describes_answers_with_examples_that_fit(client):
    document = client.get("/openapi.json").json()
    assert {"/predict", "/explain", "/health"} == set(document["paths"])
    post = document["paths"]["/predict"]["post"]
    assert set(post["responses"]) == {"200", "400", "408", "413", "415", "422", "503"}
    form = post["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["files"]["maxItems"] == 8
    assert "image/png" in document["paths"]["/explain"]["post"]["responses"]["200"]["content"]
    schemas = document["components"]["schemas"]
    for model in (PredictionAnswer, ErrorAnswer, Health):
        (example,) = schemas[model.__name__]["examples"]
        assert model.model_validate(example)
    with pytest.raises(ValidationError):
        PredictionAnswer.model_validate({"label": "saree"})


def test_it_can_be_mounted_in_another_application(classifier):
    outer = FastAPI()
    outer.mount("/garments", create_app(classifier, LIMITS))
    with serving(outer, LIMITS) as url:
        page = httpx.get(f"{url}/garments/", timeout=SECONDS)
        script = httpx.get(f"{url}/garments/page.js", timeout=SECONDS)
        files = {"files": encoded(coloured("saree"))}
        answer = httpx.post(f"{url}/garments/predict", files=files, timeout=SECONDS)
    assert page.status_code == script.status_code == answer.status_code == 200
    assert answer.json()[0]["label"] == "saree"
    # Addresses in the page are relative, so they hold under any prefix.
    assert 'src="page.js"' in page.text


def test_what_is_not_there_is_told_as_json(client):
    missing, wrong = client.get("/../etc/passwd"), client.get("/predict")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method")
    assert wrong.headers["allow"] == "POST"
    assert wrong.json()["reason"] == f"use POST: curl -F files=@x.jpg {client.base_url}/predict"
    assert client.post("/health").json()["reason"] == "use GET"


def test_a_classifier_must_be_fitted():
    with pytest.raises(ac.NotFittedError):
        create_app(ac.ApparelClassifier(weights=None))


def test_an_unexpected_error_shows_none_of_its_insides(classifier, monkeypatch, caplog):
    app = create_app(classifier, LIMITS)

    def fail(*_, **__):
        raise RuntimeError("secret path /of/x")

    monkeypatch.setattr(type(classifier), "predict", fail)
    with serving(app, LIMITS) as url:
        files = {"files": encoded(coloured("saree"))}
        answer = httpx.post(f"{url}/predict", files=files, timeout=SECONDS)
        assert httpx.get(f"{url}/health", timeout=SECONDS).status_code == 200
    assert answer.status_code == 500
    assert answer.json() == {
        "code": "internal",
        "reason": "something went wrong here; the log tells what",
    }
    assert "secret path" in caplog.text


def test_limits_that_contradict_each_other_are_refused():
    for wrong, expected in (
        ({"files": 0}, "files to be a whole number of at least 1"),
        ({"pixels": 65_000_000}, "pixels to be at most 64,000,000"),
        ({"body": 10, "memory": 9}, "memory to hold one body"),
        ({"patience": 0}, "patience to be seconds above 0"),
        ({"workers": 100_000}, "a few for each processor"),
    ):
        with pytest.raises(ac.SettingsError, match=expected):
            Limits(**wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("metrics_", {"a": 1}), ("dataset_", {"name": 7}), ("temperature_", "warm")],
)
def test_what_a_model_says_of_itself_is_checked_at_the_start(classifier, monkeypatch, name, wrong):
    monkeypatch.setattr(classifier, name, wrong)
    with pytest.raises(ModelFileError, match=name.removesuffix("_")):
        create_app(classifier)
