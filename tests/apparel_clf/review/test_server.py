"""What the server answers, and to whom."""

from __future__ import annotations

import http.client
import io
import json

import pytest
from PIL import Image

from apparel_clf.dataset import read_decisions
from apparel_clf.errors import SettingsError
from apparel_clf.review import ReviewServer


@pytest.fixture
def ask(server):
    """Send one request as it is given; return status, headers and body."""

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=120)
        try:
            connection.putrequest(method, path, skip_host=True)
            sent = {"Host": f"127.0.0.1:{server.server_port}"} | headers
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            if data is not None:
                sent = {"Content-Length": str(len(data)), "Content-Type": "application/json"} | sent
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return ask


@pytest.fixture
def post(ask, server):
    """Send a decision as the page does."""

    def post(path, body, **headers):
        status, _, answer = ask("POST", path, body, **({"X-Review-Token": server.token} | headers))
        return status, json.loads(answer)

    return post


def test_the_page_comes_with_strict_headers(ask):
    status, headers, body = ask("GET", "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    text = body.decode()
    assert "http:" not in text
    assert "https:" not in text
    assert "<script>" not in text
    assert " style=" not in text


def test_all_files_of_the_page_are_there(ask, server):
    for name in server.files:
        status, _, body = ask("GET", f"/static/{name}")
        assert (status, body) == (200, server.files[name])


def test_the_overview_has_every_image_and_no_token(ask, server, review):
    _, headers, body = ask("GET", "/overview")
    values = json.loads(body)
    assert {image[0] for image in values["images"]} == set(review.rows)
    assert values["classes"] == ["jeans", "saree", "trousers"]
    assert len(values["orders"][0]["scores"]) == len(values["images"])
    assert headers["Cache-Control"] == "no-store"
    assert server.token not in body.decode()


def test_facts_and_pictures_are_found_by_hash(ask, named, review):
    status, _, body = ask("GET", f"/facts/{named['hostile']}")
    facts = json.loads(body)
    assert status == 200
    assert ["class", "jeans"] in facts["facts"]
    assert facts["page_url"] == "javascript:alert(1)"  # the page shows it as text
    status, headers, body = ask("GET", f"/small/{named['one']}")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (60, 90)
    status, _, _ = ask("GET", f"/large/{named['small']}")
    assert status == 200
    assert ["group", review.rows[named["one"]].group] not in facts["facts"]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "//etc/passwd",
        "/static//etc/passwd",
        "/small/../../decisions.jsonl",
        f"/small/{64 * '0'}",
        f"/facts/{64 * '0'}",
        f"/small/{64 * 'A'}",
        f"/small/{64 * '0'}/x",
        "/review.html",
        "http://127.0.0.1/etc/passwd",
    ],
)
def test_no_text_of_a_request_leads_to_a_file(ask, path):
    status, _, body = ask("GET", path)
    assert status == 404
    assert "error" in json.loads(body)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": None},
        {"Host": "127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_other_sites_are_refused(ask, server, named, dataset, method, headers):
    body = {"images": [named["one"]], "action": "reject"} if method == "POST" else None
    path = "/decide" if method == "POST" else "/overview"
    status, _, answer = ask(method, path, body, **{"X-Review-Token": server.token} | headers)
    assert status == 403
    assert set(json.loads(answer)) == {"error"}
    assert read_decisions(dataset) == ()


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_without_the_token_nothing_is_decided(post, named, dataset, token):
    decision = {"images": [named["one"]], "action": "reject"}
    status, answer = post("/decide", decision, **{"X-Review-Token": token.encode("latin-1")})
    assert status == 403
    assert "open the address that the terminal shows" in answer["error"]
    assert read_decisions(dataset) == ()


def test_decide_undo_and_publish(post, named, dataset):
    body = {"images": [named["wrong"]], "action": "relabel", "label": "saree"}
    status, answer = post("/decide", body)
    assert status == 200
    state = answer["states"][named["wrong"]]
    assert (state["action"], state["label"], state["change"]) == ("relabel", "saree", "relabel")
    assert answer["pending"] == {"relabel": 1}
    status, answer = post("/undo", {})
    assert answer["undone"] == [named["wrong"]]
    assert answer["states"] == {named["wrong"]: None}
    assert answer["canUndo"] is False
    status, answer = post("/undo", {})
    assert (status, answer) == (409, {"error": "nothing to undo"})
    post("/decide", body)
    status, answer = post("/publish", {})
    assert (status, answer["name"], answer["unchanged"]) == (200, "demo/v2", False)
    assert (dataset / "v2" / "train").is_dir()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        ({"images": "all", "action": "reject"}, 400),
        ({"images": [1], "action": "reject"}, 400),
        ({"images": [], "action": "burn"}, 400),
        ({"images": [], "action": ["reject"]}, 400),
        ({"images": [], "action": "reject", "label": 1}, 400),
        ({"images": [], "action": "reject"}, 409),
        ({"images": ["../../x"], "action": "reject"}, 409),
    ],
    ids=lambda value: str(value)[:40],
)
def test_nonsense_is_refused_and_nothing_is_written(post, dataset, named, body, status):
    found, answer = post("/decide", body)
    assert found == status
    assert answer["error"]
    assert read_decisions(dataset) == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Length": "99999999"},
        {"Content-Length": "-1"},
        {"Content-Length": "²"},
    ],
    ids=str,
)
def test_bodies_that_are_not_ours_are_not_read(ask, server, headers):
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    status, answered, _ = ask("POST", "/undo", b"{}", **{"X-Review-Token": server.token} | sent)
    assert status == 403
    assert answered["Connection"] == "close"


def test_other_methods_are_none(ask):
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        assert ask(method, "/")[0] == 501


def test_rejections_come_with_their_reasons_and_what_can_be_taken_back(ask, named):
    found = json.loads(ask("GET", "/rejections")[2])
    by_reason = {rejection["reason"]: rejection for rejection in found}
    assert by_reason["too_small"]["sha256"] == named["small"]
    assert by_reason["sponsored"]["sha256"] == ""
    assert "crawl again" in by_reason["sponsored"]["note"]


def test_a_taken_port_is_told(server, review):
    with pytest.raises(SettingsError, match="Choose another with --port"):
        ReviewServer(review, server.server_port)
    with pytest.raises(SettingsError):
        ReviewServer(review, 70_000)


def test_it_listens_on_loopback_alone_and_each_run_has_a_token_of_its_own(server, review):
    assert server.server_address[0] == "127.0.0.1"
    with ReviewServer(review) as other:
        assert other.token != server.token
        assert len(other.token) >= 32
        assert other.url.endswith(f"/#{other.token}")
