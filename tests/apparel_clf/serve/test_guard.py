"""Who may ask: names and origins, and the headers of every answer."""

import httpx
import pytest

from apparel_clf.serve import create_app

from .conftest import LIMITS, SECONDS, serving


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "127.0.0.1:1", "[::1]:8000"]
)
def test_own_names_are_answered_under_any_port(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[", "[::2]", "a b"],
)
def test_foreign_names_are_refused(client, host):
    for address in ("/", "/health", "/page.js", "/openapi.json", "/nothing"):
        answer = client.get(address, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "foreign_host")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://localhost:1", "https://127.0.0.1", "http://["],
)
def test_pages_of_other_origins_are_refused(client, origin):
    answer = client.post("/predict", headers={"Origin": origin}, files={"files": b"x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


def test_its_own_page_is_answered(client, url):
    answer = client.post("/predict", headers={"Origin": url}, files={"files": b"x"})
    assert answer.status_code == 200


def test_without_names_everybody_is_answered(classifier):
    with serving(create_app(classifier, LIMITS), LIMITS) as url:
        headers = {"Host": "any.example", "Origin": "http://other.example"}
        assert httpx.get(f"{url}/health", headers=headers, timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("address", ["/", "/page.js", "/health", "/nothing", "/predict"])
def test_every_answer_has_the_headers_that_keep_browsers_strict(client, address):
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] in ("no-store", "no-cache")
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_a_refusal_has_them_too(client):
    answer = client.get("/", headers={"Host": "evil.example"})
    assert "default-src 'none'" in answer.headers["content-security-policy"]
