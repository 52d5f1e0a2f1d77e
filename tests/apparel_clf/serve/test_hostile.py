"""Hostile uploads and senders: each meets a typed refusal, none a 500, and the service goes on."""

import gc
import io
import json
import select
import socket
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image, ImageFile

from apparel_clf.images.costly import MOST_SCANS, FewReads
from apparel_clf.serve import create_app, guard
from apparel_clf.serve.uploads import Upload

from .conftest import LIMITS, SECONDS, coloured, encoded, place_of, png_bomb, png_chunk, serving

GOOD = encoded(coloured("saree"))
HOST = b"Host: 127.0.0.1\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=BB\r\n"
PART = b'--BB\r\nContent-Disposition: form-data; name="files"; filename="x.jpg"\r\n\r\n'


def request(body, *headers, method=b"POST", path=b"/predict"):
    """Write a request by hand, with the length that belongs to it."""
    head = b"%b %b HTTP/1.1\r\n%bConnection: close\r\n" % (method, path, HOST)
    return head + b"".join(headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def until(condition):
    """Wait for what must come about, however slow the machine is; tell whether it did."""
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def unhurried(monkeypatch):
    """What is left of a refused body is read to its end, also where this machine pauses."""
    monkeypatch.setattr(guard, "_DROP_PAUSE", SECONDS)
    monkeypatch.setattr(guard, "_DROP_SECONDS", SECONDS)


def many_scans(count):
    plain = encoded(Image.new("L", (64, 64), 128), progressive=True)
    last = plain[plain.rindex(b"\xff\xda") : -2]
    return plain[:-2] + last * count + b"\xff\xd9"


def commented_gif(count):
    plain = encoded(Image.new("1", (8, 8)), "GIF")
    start = 13 + 3 * (2 << (plain[10] & 7))
    return plain[:start] + b"!\xfe\x01a\x00" * count + plain[start:]


PNG = encoded(coloured("saree"), "PNG")
FILES = {
    "truncated JPEG": (encoded(coloured("saree", size=(400, 400)))[:3_000], "truncated"),
    "PNG bomb": (png_bomb(), "too_many_pixels"),
    "over our own limit": (encoded(Image.new("1", (1_500, 1_500)), "PNG"), "too_many_pixels"),
    "zip": (b"PK\x03\x04" + bytes(200), "not_an_image"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "not_an_image"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "not_an_image"),
    "empty": (b"", "empty"),
    "zeros": (bytes(1_000), "not_an_image"),
    "a JPEG's first bytes": (b"\xff\xd8\xff", "not_an_image"),
    "a JPEG of many scans": (many_scans(MOST_SCANS), "too_many_pixels"),
    "a JPEG of many parts": (
        GOOD[:2] + b"\xff\xe0\x00\x02" * 100_000 + GOOD[2:],
        "too_many_pixels",
    ),
    "a JPEG begun by fill": (GOOD[:2] + b"\xff" * 1_000_000 + GOOD[2:], "too_many_pixels"),
    "a GIF of comments": (commented_gif(100_000), "too_many_pixels"),
    "a PNG of many chunks": (PNG[:33] + png_chunk(b"prVt") * 100_000 + PNG[33:], "too_many_pixels"),
    "a PNG with a wrong checksum": (PNG[:40] + b"\x00" + PNG[41:], None),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
}


@pytest.fixture(autouse=True)
def survives(client, caplog):
    """After each test the service answers as before, and nothing unexpected was logged."""
    yield
    answer = client.post("/predict", files={"files": ("good.jpg", GOOD)})
    assert answer.json()[0]["label"] == "saree"
    assert not [r for r in caplog.records if r.name.startswith("apparel_clf.serve")]


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_gets_its_reason_beside_a_good_one(predict, name):
    data, code = FILES[name]
    began = time.process_time()
    answer = predict(("bad.jpg", data), ("good.jpg", GOOD))
    assert answer.status_code == 200
    bad, good = answer.json()
    assert good["label"] == "saree"
    if code is not None:
        assert (bad["kind"], bad["code"]) == ("error", code)
        assert bad["reason"]
        alone = predict(("bad.jpg", data), address="/explain")
        assert (alone.status_code, alone.json()["code"]) == (422, code)
    assert time.process_time() - began < 15  # of work; other programs' work is not its fault


def test_as_many_scans_as_encoders_write_are_fine(predict):
    assert predict(("x.jpg", many_scans(20))).json()[0]["kind"] == "prediction"
    # What a phone appends to its pictures is no part of them.
    filmed = GOOD + b"\xff\xda\x00\x02" * 500
    assert predict(("x.jpg", filmed)).json()[0]["kind"] == "prediction"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/shadow",
        "<img src=x onerror=alert(1)>.jpg",
        "ドレス👗\u202egpj.exe",
        "x" * 3_000 + ".jpg",
    ],
)
def test_a_file_name_is_text_and_nothing_else(predict, name):
    (found,) = predict((name, GOOD)).json()
    assert found["kind"] == "prediction"
    assert found["source"] == name[:255]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"nonsense", 400, "malformed"),
        (b"--BB--\r\n", 400, "malformed"),
        (PART + GOOD, 400, "malformed"),
        (
            b"--BB\r\nContent-Disposition: form-data; name=files\r\n\r\nx\r\n--BB--",
            422,
            "not_a_file",
        ),
        (b"--BB\r\n\r\nno headers\r\n--BB--", 422, "not_a_file"),
        (b"--BB\r\nA: " + b"b" * 100_000, 400, "malformed"),
        (b"--BB\r\n" + b"A: b\r\n" * 5_000, 400, "malformed"),
        ((PART + b"\r\n") * 5_000 + b"--BB--", 413, "too_many_files"),
        (b"--BB\r\n\x00\xff: \x00\r\n\r\n", 400, "malformed"),
        (b"--BB\r\nContent-Disposition: \xff\xfe\r\n\r\nx\r\n--BB--", 422, "not_a_file"),
    ],
)
def test_a_malformed_form_is_refused(talk, body, status, code):
    answer = talk(request(body, FORM))
    assert status_of(answer) == status
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["code"] == code


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (b"", 415),
        (b"Content-Type: application/json\r\n", 415),
        (b"Content-Type: image/jpeg\r\n", 415),
        (b"Content-Type: multipart/form-data\r\n", 400),
        (b"Content-Type: multipart/form-data; boundary=\r\n", 400),
        (b"Content-Type: multipart/form-data; boundary=" + b"B" * 5_000 + b"\r\n", 400),
        (b"Content-Type: multipart/form-data; boundary=\xff\xfe\r\n", 400),
        (b"Content-Type: ;;;;=\r\n", 415),
    ],
)
def test_a_wrong_content_type_is_refused(talk, kind, status):
    assert status_of(talk(request(PART + GOOD + b"\r\n--BB--\r\n", kind))) == status


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 100_000,
        b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /predict HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"\r\n\r\n\r\n",
    ],
)
def test_what_is_no_http_is_hung_up_on(talk, hasty, raw):
    assert status_of(talk(raw, to=hasty)) in (400, 431, None)


def test_a_huge_body_is_refused_from_its_length_alone(talk):
    head = b"POST /predict HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 99999999999\r\n"
    answer = talk(head + b"Connection: close\r\nExpect: 100-continue\r\n\r\n")
    assert status_of(answer) == 413  # and no 100 before it: nothing of it needed sending


def test_a_huge_body_of_unknown_length_is_refused_while_it_comes(url, unhurried):
    def endless():
        yield PART
        for _ in range(1_000):
            yield bytes(10_000)

    answer = httpx.post(
        f"{url}/predict",
        content=endless(),
        headers={"Content-Type": "multipart/form-data; boundary=BB"},
        timeout=SECONDS,
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        (b"/predict", FORM, 413),
        (b"/predict", b"Content-Type: image/jpeg\r\n", 415),
        (b"/nothing", FORM, 404),
        (b"/health", FORM, 405),
    ],
)
def test_who_sends_first_and_listens_then_still_sees_the_refusal(
    talk, unhurried, path, kind, status
):
    body = PART + bytes(10_000_000)
    assert status_of(talk(request(body, kind, path=path))) == status


def test_a_slow_body_is_given_up(talk, hasty):
    head = b"POST /predict HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 1000\r\n\r\n"
    answer = talk(head + PART, *[b"-"] * 30, pause=0.1, to=hasty)
    assert status_of(answer) in (408, None)  # None where it hung up while we still sent


def test_a_silent_body_is_answered_408(talk, hasty):
    head = b"POST /predict HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 1000\r\n\r\n"
    # Nothing comes back where this machine paused before the head was sent.
    answer = next(filter(None, (talk(head + PART, to=hasty) for _ in range(10))))
    assert status_of(answer) == 408
    assert b"too_slow" in answer


@pytest.mark.parametrize("pieces", [(), (b"GET / HTTP/1.1\r\n", *[b"A: b\r\n"] * 25)])
def test_a_head_that_never_ends_is_hung_up_on(talk, hasty, pieces):
    assert talk(*pieces, pause=0.1, to=hasty) == b""


def test_a_connection_cut_in_the_body_leaves_nothing_behind(url, client):
    whole = request(PART + GOOD + b"\r\n--BB--\r\n", FORM)
    for cut in (10, 120, len(whole) // 2, len(whole) - 5):
        with socket.create_connection(place_of(url)) as line:
            line.sendall(whole[:cut])
    assert client.get("/health").status_code == 200


def send_for_ever(line, asked):
    while True:
        line.sendall(asked * 100)


def test_a_reader_that_never_reads_is_hung_up_on(hasty):
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(place_of(hasty))
    with line:
        line.settimeout(SECONDS)
        with pytest.raises(ConnectionError):
            send_for_ever(line, b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n")


def test_a_thousand_tiny_files_are_refused_and_a_few_answered(predict):
    tiny = encoded(Image.new("RGB", (1, 1)), "PNG")
    answer = predict(*[(f"{number}.png", tiny) for number in range(1_000)])
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    answer = predict(*[(f"{number}.png", tiny) for number in range(LIMITS.files)])
    assert [item["source"] for item in answer.json()] == [f"{n}.png" for n in range(LIMITS.files)]


def test_nothing_is_written_to_the_disk(predict, monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("a temporary file was asked for")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    large = encoded(coloured("saree", size=(700, 700)), "PNG")
    assert len(large) > 1_000_000  # what form parsers usually keep in memory
    assert predict(("x.png", large)).json()[0]["kind"] == "prediction"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_memory_and_open_files_do_not_grow(predict, talk):
    def storm(rounds):
        for _ in range(rounds):
            predict(("good.jpg", GOOD), ("bad.jpg", png_bomb()), ("x", b"x"))
            talk(request((PART + b"\r\n") * 100 + b"--BB--", FORM))
            predict(("huge", bytes(LIMITS.body)))

    def open_files():
        return len(list(Path("/proc/self/fd").iterdir()))

    process = psutil.Process()
    storm(10)
    memory, files, threads = process.memory_info().rss, open_files(), threading.active_count()
    storm(40)
    assert process.memory_info().rss - memory < 60_000_000  # 40 bodies alone would be 80 MB
    # The last connections are closed when the service comes to it.
    assert until(lambda: open_files() <= files + 5)
    assert threading.active_count() <= threads + 2


def test_no_upload_outlives_its_request(predict, talk):
    """Else uploads pile up, beyond what is booked for them, until Python's collector runs."""
    gc.collect()
    gc.disable()
    try:
        predict(("good.jpg", GOOD), *(("bad", data) for data, _ in list(FILES.values())[:7]))
        predict(("bad.jpg", GOOD[:300]), address="/explain")
        predict(("a.jpg", GOOD), ("b.jpg", GOOD), address="/explain")
        talk(request((PART + b"\r\n") * 100 + b"--BB--", FORM))
        talk(request(PART + GOOD, FORM))
        assert until(lambda: not _held())
    finally:
        gc.enable()


def _held():
    kinds = (Upload, FewReads, ImageFile.ImageFile)
    return [thing for thing in gc.get_objects() if isinstance(thing, kinds)]


# --- many at once -----------------------------------------------------------------------------


class Slow:
    """A stand-in for a network that is busy until it is told to go on."""

    def __init__(self, classifier):
        self._classifier = classifier
        self.go_on = threading.Event()
        self.go_on.set()

    def __getattr__(self, name):
        return getattr(self._classifier, name)

    def predict(self, images, **options):
        assert self.go_on.wait(2 * SECONDS)
        return self._classifier.predict(images, **options)


def test_beyond_the_queue_comes_a_503_and_the_loop_stays_awake(classifier):
    slow = Slow(classifier)
    limits = replace(LIMITS, workers=1, waiting=2)
    app = create_app(slow, limits)
    statuses = []
    with serving(app, limits) as url:
        slow.go_on.clear()

        def ask():
            files = {"files": ("x.jpg", GOOD)}
            statuses.append(httpx.post(f"{url}/predict", files=files, timeout=2 * SECONDS))

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        assert until(lambda: len(statuses) >= 5)
        refused = list(statuses)
        # Answered while the only worker is held.
        assert httpx.get(f"{url}/health", timeout=SECONDS).status_code == 200
        slow.go_on.set()
        for asker in askers:
            asker.join(2 * SECONDS)
        last = httpx.post(f"{url}/predict", files={"files": GOOD}, timeout=SECONDS)
        assert last.status_code == 200
    assert [answer.status_code for answer in refused] == [503] * 5
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert sorted(answer.status_code for answer in statuses) == [200] * 3 + [503] * 5


def test_uploads_together_stay_within_the_memory(url):
    """Senders that stop short of the end hold bytes; one too many of them is told to come again."""
    size = 1_900_000
    head = b"POST /predict HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: %d\r\n\r\n" % (size + 99)
    lines = [socket.create_connection(place_of(url), timeout=SECONDS) for _ in range(5)]
    try:
        for line in lines:
            line.sendall(head + PART + bytes(size - len(PART)))
        told, _, _ = select.select(lines, [], [], SECONDS)
        assert [status_of(line.recv(65536)) for line in told] == [503]
    finally:
        for line in lines:
            line.close()


def test_an_animation_gives_its_first_frame(predict):
    frames = [coloured("saree"), coloured("jeans")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert predict(("x.gif", buffer.getvalue())).json()[0]["label"] == "saree"
