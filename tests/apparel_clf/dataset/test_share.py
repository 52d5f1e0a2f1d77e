"""Versions shared without their images, and made again from where the images were found."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from apparel_clf.cli import main
from apparel_clf.dataset import (
    ImageRecord,
    JournalWriter,
    Staging,
    curate,
    download,
    open_version,
    publish,
    verify,
)
from apparel_clf.dataset import fetch as fetch_again
from apparel_clf.dataset.download import DownloadFailed, is_public, parse_address
from apparel_clf.dataset.share import export_manifest, read_shared
from apparel_clf.errors import DatasetError, DatasetNotFoundError, PublishError, SettingsError
from apparel_clf.images import sign

# The package's attribute of this name is the function.
module = sys.modules["apparel_clf.dataset.fetch"]
COUNT = 10


class Shop:
    """A server of images on this machine, whose answers a test can change.

    Args:
        url: its address.
        answers: what a path is answered with: bytes, or a function that is given the handler.
        asked: the paths that were asked for, in order.
        agents: the user agents that asked.
    """

    def __init__(self):
        self.answers, self.asked, self.agents = {}, [], set()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                shop.asked.append(self.path)
                shop.agents.add(self.headers["User-Agent"])
                answer = shop.answers.get(self.path, status(404))
                if isinstance(answer, bytes):
                    send(self, answer)
                else:
                    answer(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a client that has hung up is no news
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def send(handler, data, code=200, **headers):
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def status(code, body=b"no", **headers):
    return lambda handler: send(handler, body, code, **headers)


@contextmanager
def opened():
    shop = Shop()
    thread = threading.Thread(target=shop.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield shop
    finally:
        shop.server.shutdown()
        thread.join()
        shop.server.server_close()


@pytest.fixture(scope="module")
def mall():
    with opened() as shop:
        yield shop


@pytest.fixture(scope="module")
def files(jpeg, picture):
    """What the shop sells: JPEGs and a PNG, by path."""
    buffer = io.BytesIO()
    picture(99).save(buffer, "PNG")
    return {f"/{seed} é.jpg": jpeg(seed) for seed in range(COUNT - 1)} | {
        "/x.png": buffer.getvalue()
    }


@pytest.fixture
def shop(mall, files):
    """The shop, with what it sells and nothing asked yet."""
    mall.answers = {path.replace(" ", "%20").replace("é", "%C3%A9"): d for path, d in files.items()}
    mall.asked.clear()
    return mall


@pytest.fixture(scope="module")
def version(mall, files, tmp_path_factory):
    """A published version of all that the shop sells."""
    staging = Staging(tmp_path_factory.mktemp("datasets") / "demo")
    with JournalWriter(staging.journals_folder / "1.jsonl") as journal:
        for place, (path, data) in enumerate(files.items()):
            staging.objects.put(data)
            label = ("Robe d'été", "साड़ी")[place % 2]
            journal.image(
                ImageRecord(label, sign(data), "shop", "q", f"B{place}", image_url=mall.url + path)
            )
    return publish(staging.folder)


@pytest.fixture(scope="module")
def shared(version, tmp_path_factory):
    return export_manifest(version.path, tmp_path_factory.mktemp("shared") / "demo.zip")


@pytest.fixture
def fetch(shared, tmp_path, monkeypatch):
    """Fetch the shared version from this machine, without the waits."""
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.01)

    def run(source=shared, **changes):
        options = {"allow_private": True, "show_progress": False, "timeout": 20.0, **changes}
        return fetch_again(source, tmp_path / "again", **options)

    return run


def missing(tmp_path):
    lines = (tmp_path / "again" / "missing.jsonl").read_text().splitlines()
    return {line["image_url"].rpartition("/")[2]: line["reason"] for line in map(json.loads, lines)}


def files_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.jpg")}


@pytest.mark.parametrize("name", ["demo.zip", "demo folder"])
def test_a_shared_version_is_made_again(version, fetch, shop, tmp_path, name):
    shared = export_manifest(version.path, tmp_path / name, overwrite=True)
    again = fetch(shared)
    assert (again.id, again.rows, again.counts) == (version.id, version.rows, version.counts)
    assert files_of(again.path) == files_of(version.path)
    assert (again.name, again.facts["fetched"]) == ("again/v1", {"from": version.id, "missing": 0})
    assert open_version(tmp_path / "again" / "latest") == again
    assert verify(again.path, show_progress=False).ok
    assert len(shop.asked) == COUNT
    assert shop.agents == {download.USER_AGENT}
    assert not (tmp_path / "again" / "missing.jsonl").exists()


def test_what_is_shared_is_addresses_and_hashes(version, shared, tmp_path):
    with zipfile.ZipFile(shared) as archive:
        assert archive.namelist() == ["manifest.jsonl", "version.json", "README.md"]
        assert archive.read("manifest.jsonl") == (version.path / "manifest.jsonl").read_bytes()
    other = export_manifest(version.path, tmp_path / "other.zip")
    assert other.read_bytes() == shared.read_bytes()
    assert (read_shared(shared).rows, read_shared(shared).id) == (version.rows, version.id)


def test_nothing_is_written_over_unasked(version, shared, tmp_path):
    with pytest.raises(DatasetError, match="exists already"):
        export_manifest(version.path, shared)
    with pytest.raises(DatasetError, match="exists already"):
        export_manifest(version.path, version.path)
    with pytest.raises(DatasetError, match="--force"):
        export_manifest(version.path, shared)
    with pytest.raises(DatasetError, match="this is a file"):
        export_manifest(version.path, version.path / "version.json", overwrite=True)
    assert export_manifest(version.path, shared, overwrite=True) == shared


def test_zip_is_a_zip_however_it_is_written(version, shared, tmp_path):
    target = export_manifest(version.path, tmp_path / "Z.ZIP")
    assert target.read_bytes() == shared.read_bytes()


def test_a_changed_version_is_not_shared(version, tmp_path):
    copy = shutil.copytree(version.path, tmp_path / "copy")
    manifest = copy / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b'"page": 0', b'"page": 1'))
    with pytest.raises(DatasetError, match="is not the manifest of version"):
        export_manifest(copy, tmp_path / "x.zip")


def test_a_version_that_is_there_is_not_fetched_again(fetch, shop):
    first = fetch()
    shop.asked.clear()
    assert fetch() == first
    assert not shop.asked


def test_a_link_that_was_lost_is_set_again(fetch, shop, tmp_path):
    first = fetch()
    latest = tmp_path / "again" / "latest"
    latest.unlink()
    assert fetch() == first
    assert latest.resolve() == first.path


def test_a_fetched_version_can_be_curated(fetch, shop):
    first = fetch()
    unwanted = first.rows[0]
    second = curate(first.path.parent, reject=[unwanted.path], who="me")
    assert {row.path for row in first.rows} - {row.path for row in second.rows} == {unwanted.path}


def test_the_folder_can_hold_other_versions(version, shared, shop, tmp_path, jpeg):
    staging = Staging(tmp_path / "again")
    with JournalWriter(staging.journals_folder / "1.jsonl") as journal:
        staging.objects.put(jpeg(500))
        journal.image(ImageRecord("jeans", sign(jpeg(500))))
    first = publish(staging.folder)
    again = fetch_again(shared, staging.folder, allow_private=True)
    assert (again.number, again.id, again.facts["parent"]) == (2, version.id, first.id)


def test_images_that_are_gone_are_listed_and_fetched_another_time(fetch, shop, tmp_path, version):
    kept = {path: shop.answers.pop(path) for path in list(shop.answers)[:2]}
    with pytest.raises(PublishError, match=rf"2 of {COUNT} images.*404: 2.*missing\.jsonl"):
        fetch()
    assert set(missing(tmp_path).values()) == {"HTTP status 404"}
    assert not (tmp_path / "again" / "v1").exists()
    shop.answers |= kept
    shop.asked.clear()
    assert fetch().id == version.id
    assert sorted(shop.asked) == sorted(kept)
    assert not (tmp_path / "again" / "missing.jsonl").exists()


def test_a_version_without_what_is_gone_says_so(fetch, shop, version, tmp_path):
    gone = next(iter(shop.answers))
    del shop.answers[gone]
    part = fetch(allow_missing=True)
    assert part.id != version.id
    assert (len(part), part.facts["fetched"]) == (COUNT - 1, {"from": version.id, "missing": 1})
    (told,) = part.rejections()
    assert (told.reason, told.failed, told.detail) == ("not_fetched", True, "HTTP status 404")
    assert "1 of its images could not be had" in (part.path / "README.md").read_text()
    assert verify(part.path, show_progress=False).ok
    assert fetch(allow_missing=True) == part
    shop.answers.clear()
    shutil.rmtree(tmp_path / "again")
    with pytest.raises(PublishError, match="none of the"):
        fetch(allow_missing=True)


def test_changed_images_are_not_taken(fetch, shop, tmp_path, jpeg):
    paths = list(shop.answers)
    data = shop.answers[paths[0]]
    shop.answers[paths[0]] = data[:-9] + b"\0" + data[-8:]
    shop.answers[paths[1]] = jpeg(700, size=(90, 90))
    shop.answers[paths[2]] = b"<html>gone</html>"
    with pytest.raises(PublishError, match="3 of"):
        fetch()
    assert sorted(missing(tmp_path).values())[0].startswith("has ")
    assert any("its bytes have changed" in reason for reason in missing(tmp_path).values())


def test_no_more_is_read_than_the_manifest_says(fetch, shop, tmp_path):
    sent = 0

    def endless(handler):
        nonlocal sent
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while sent < 1 << 28:
            sent += handler.wfile.write(b"x" * (1 << 16))

    announced = status(200, b"x" * 5_000_000)
    shop.answers |= dict(zip(list(shop.answers)[:2], (endless, announced), strict=True))
    with pytest.raises(PublishError, match="2 of"):
        fetch()
    assert sent < 1 << 26
    assert sum("it has changed" in reason for reason in missing(tmp_path).values()) == 2


def drip(handler):
    """Send a header for ever, a letter at a time: no single wait is long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(10_000):
        handler.wfile.write(b"x")
        time.sleep(0.02)


def test_a_slow_host_takes_no_more_than_its_time(fetch, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TRIES", 1)
    path = next(iter(shop.answers))
    shop.answers[path] = drip
    # Another image may take as long on a machine that pauses.
    with pytest.raises(PublishError, match=r"took longer than 2\.5 s: \d"):
        fetch(timeout=2.5)
    assert missing(tmp_path)["0 é.jpg"] == "took longer than 2.5 s"


def test_a_host_that_is_busy_is_asked_again(fetch, shop, version):
    path, data = next(iter(shop.answers.items()))
    answers = iter(
        [
            status(503, Retry_After="0"),
            status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
            status(502),
            lambda handler: send(handler, data),
        ]
    )
    shop.answers[path] = lambda handler: next(answers)(handler)
    assert fetch().id == version.id
    assert shop.asked.count(path) == 4


def test_a_host_that_asks_for_patience_is_left_alone(fetch, shop):
    for path in shop.answers:
        shop.answers[path] = status(429, Retry_After="86400")
    with pytest.raises(PublishError, match="asks for 86,400 s of patience"):
        fetch(per_host=1)
    assert len(shop.asked) == 1


def test_a_host_that_is_down_is_given_up(fetch, shop, tmp_path):
    for path in shop.answers:
        shop.answers[path] = status(500)
    with pytest.raises(PublishError, match=f"{COUNT} of {COUNT}"):
        fetch(per_host=1)
    assert len(shop.asked) == 5 * 4
    assert any("5 times in a row" in reason for reason in missing(tmp_path).values())


def test_a_closed_port_is_no_hang(version, shared, fetch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    def move(rows):
        for row in rows:
            row["image_url"] = f"http://127.0.0.1:{port}/"

    moved = rewritten(shared, tmp_path / "h.zip", **relabelled(version, move))
    with pytest.raises(PublishError, match=f"{COUNT} of {COUNT}"):
        fetch(moved)


def test_few_connections_to_one_host(fetch, shop):
    # Counted here: a request of an earlier test may still be under way in the shop.
    counted, under_way, most = threading.Lock(), [], []

    def slowly(data):
        def answer(handler):
            with counted:
                under_way.append(handler)
                most.append(len(under_way))
            time.sleep(0.02)
            send(handler, data)
            with counted:
                under_way.remove(handler)

        return answer

    # Half of them by way of another name of the host.
    for place, (path, data) in enumerate(list(shop.answers.items())):
        shop.answers[path] = slowly(data)
        if place % 2:
            shop.answers[f"/other{path}"] = slowly(data)
            shop.answers[path] = status(302, Location=f"/other{path}")
    fetch(per_host=2)
    assert 1 <= max(most) <= 2


def test_interrupted_and_gone_on_with(fetch, shop, version, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        put = module._keep
        stored = []

        def keep(row, data, objects):
            if len(stored) >= 4:
                raise KeyboardInterrupt
            stored.append(row)
            return put(row, data, objects)

        patch.setattr(module, "_keep", keep)
        with pytest.raises(KeyboardInterrupt):
            fetch(per_host=1)  # else a request may be under way that the server counts later
    there = sum(Staging(tmp_path / "again").objects.holds(r.record.signature) for r in version.rows)
    assert there == len(stored) == 4
    shop.asked.clear()
    assert fetch().id == version.id
    assert len(shop.asked) == COUNT - there


def test_a_full_disk_is_told_before_the_work(fetch, shop, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(PublishError, match="10 are free"):
        fetch()
    assert not shop.asked


def test_a_disk_that_fills_up_ends_it(fetch, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_keep", full)
    with pytest.raises(PublishError, match="No space left"):
        fetch(per_host=1)


def test_this_machine_is_not_asked_by_default(fetch, shop, tmp_path):
    with pytest.raises(PublishError, match=r"127\.0\.0\.1 is a private address"):
        fetch(allow_private=False)
    assert not shop.asked


def test_a_name_that_leads_here_is_not_followed(fetch, shop, version, tmp_path, monkeypatch):
    """What counts is the address of the connection, whatever a name said before."""
    found = [(2, 1, 6, "", ("127.0.0.1", shop.server.server_address[1]))]
    monkeypatch.setattr(download.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(DownloadFailed, match=r"shop\.example is a private address, 127\.0\.0\.1"):
        download.Client(5.0).get("http://shop.example:8000/0.jpg", 100)
    assert not shop.asked


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/x", "http://[::1]:8000/", "file:///etc/passwd"]
)
def test_a_redirect_to_a_private_address_is_not_followed(shop, target, monkeypatch):
    monkeypatch.setattr(download, "is_public", lambda number: number == "127.0.0.1")
    shop.answers["/r"] = status(302, Location=target)
    with pytest.raises(DownloadFailed, match=r"private address|not an http"):
        download.Client(5.0).get(f"{shop.url}/r", 2)
    assert shop.asked == ["/r"]


def test_redirects_are_followed_but_not_for_ever(shop):
    shop.answers |= {"/a": status(301, Location="/b"), "/b": b"yes"}
    shop.answers["/c"] = status(307, Location="/c")
    client = download.Client(5.0, allow_private=True)
    assert client.get(f"{shop.url}/a", 3) == b"yes"
    with pytest.raises(DownloadFailed, match="redirects more than 5 times"):
        client.get(f"{shop.url}/c", 3)
    client.close()


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(shop):
    def hang_up(handler):
        send(handler, b"one")
        handler.close_connection = True

    shop.answers |= {"/1": hang_up, "/2": b"two"}
    client = download.Client(5.0, allow_private=True)
    assert client.get(f"{shop.url}/1", 3) == b"one"
    time.sleep(0.05)
    assert client.get(f"{shop.url}/2", 3) == b"two"
    client.close()


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 that nobody has signed but itself."""
    pytest.importorskip("cryptography")
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "shop.pem"
    encoding = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(encoding)
    )
    return path


def test_certificates_are_checked(certificate, monkeypatch):
    with opened() as shop:
        check_certificates(shop, certificate, monkeypatch)


def check_certificates(shop, certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The handshake is the handler's thread's: the server is to stop in the meantime.
    shop.server.socket = context.wrap_socket(
        shop.server.socket, server_side=True, do_handshake_on_connect=False
    )
    shop.answers["/1"] = b"one"
    url = f"{shop.url.replace('http', 'https')}/1"
    client = download.Client(5.0, allow_private=True)
    with pytest.raises(DownloadFailed, match="certificate is not valid") as caught:
        client.get(url, 3)
    assert not caught.value.again
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(download, "_tls", lambda: trusting)
    assert client.get(url, 3) == client.get(url, 3) == b"one"
    client.close()


def test_a_silent_handshake_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(DownloadFailed, match=r"took longer|in time"):
            download.Client(0.3, allow_private=True).get(url, 3)


@pytest.mark.parametrize(
    ("number", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("::7f00:1", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("64:ff9b:1::1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
    ],
)
def test_which_numbers_are_public(number, public):
    assert is_public(number) is public


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.jpg",
        "file:///etc/passwd",
        "ftp://shop.example/x",
        "http://",
        "http://me:secret@shop.example/",
        "http://shop.example:22/",
        "http://shop.example:99999/",
        "http://[::1/",
        f"http://{'x' * 300}/",
        "http://\ud800/",
    ],
)
def test_which_addresses_are_not_asked(url):
    with pytest.raises(DownloadFailed, match="its address"):
        parse_address(url)


def test_addresses_are_spelled_in_ascii():
    address = parse_address("https://bücher.example/a b/é.jpg?q=ü&r=1#part\r\nX: y")
    assert address.origin == ("https", "xn--bcher-kva.example", 443)
    assert address.target == "/a%20b/%C3%A9.jpg?q=%C3%BC&r=1"


def rewritten(shared, target, **members):
    """A copy of a shared version with other members; None leaves one out."""
    with zipfile.ZipFile(shared) as source, zipfile.ZipFile(target, "w", 8) as copy:
        for name in ("manifest.jsonl", "version.json"):
            data = members.get(name.partition(".")[0], source.read(name))
            if data is not None:
                copy.writestr(name, data)
    return target


def relabelled(version, change):
    """A manifest whose rows are changed, and facts that fit it."""
    rows = [row.to_json() for row in version.rows]
    changed = change(rows)
    rows = rows if changed is None else changed
    lines = "".join(json.dumps(r, sort_keys=True, ensure_ascii=False) + "\n" for r in rows)
    facts = version.facts | {"id": hashlib.sha256(lines.encode()).hexdigest()}
    return {"manifest": lines.encode(), "version": json.dumps(facts).encode()}


def first(**changes):
    return lambda rows: rows[0].update(changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (first(path="../../x.jpg"), "do not fit"),
        (first(path="/etc/x.jpg"), "do not fit"),
        (first(label="../x", path="train/../x/y.jpg"), "not a class name"),
        (first(sha256="../../../x"), "not a hash"),
        (first(split="../x"), "do not fit"),
        (first(width=float("inf")), "damaged"),
        (first(title=["x"]), "expected text"),
        (first(extra=1), "not written as this program"),
        (lambda rows: rows[::-1], "not sorted"),
        (lambda rows: [rows[0], *rows], "not sorted"),
        (lambda rows: [], "has no image"),
        (lambda rows: [5], "damaged"),
        (first(group="../x"), "a group of"),
        (lambda rows: [row | {"group": "0" * 16} for row in rows], "lies in .* and"),
        (first(given_split="../x"), "a split of"),
        (first(duplicates=-1), "a number that no image has"),
        (first(page=10**9), "a number that no image has"),
        (first(position=-1), "a number that no image has"),
        (first(sharpness=float("nan")), "damaged"),
    ],
)
def test_a_manifest_that_leads_elsewhere_is_refused(version, shared, tmp_path, change, words):
    hostile = rewritten(shared, tmp_path / "h.zip", **relabelled(version, change))
    with pytest.raises(DatasetError, match=words):
        fetch_again(hostile, tmp_path / "again", allow_private=True)
    assert not (tmp_path / "again").exists()


def test_one_image_twice_is_refused(version, shared, tmp_path):
    def twice(rows):
        other = dict(rows[0], label="x", path=f"train/x/{rows[0]['sha256']}.jpg")
        return sorted([*rows, other], key=lambda row: row["path"])

    hostile = rewritten(shared, tmp_path / "h.zip", **relabelled(version, twice))
    with pytest.raises(DatasetError, match="twice"):
        read_shared(hostile)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"manifest": None}, r"has no manifest\.jsonl"),
        ({"version": None}, r"has no version\.json"),
        ({"manifest": b""}, "was changed"),
        ({"manifest": b"{}\n"}, "line 1"),
        ({"manifest": b"[" * 60_000 + b"\n"}, "line 1"),
        ({"manifest": b" " * 100_000 + b"\n"}, "larger than any"),
        ({"version": b"[" * 100_000}, "damaged"),
        ({"version": b"[]"}, "damaged"),
        ({"version": b"\xff"}, "damaged"),
        ({"version": b'{"format": 99}'}, "newer"),
        ({"version": b'{"format": 1e999}'}, "damaged"),
        ({"version": b'{"format": 1}'}, "damaged"),
        ({"version": b" " * (17 << 20)}, "larger than any"),
    ],
)
def test_a_damaged_file_is_named(shared, tmp_path, members, words):
    with pytest.raises(DatasetError, match=rf"h\.zip.*{words}"):
        read_shared(rewritten(shared, tmp_path / "h.zip", **members))


@pytest.mark.parametrize(
    "facts",
    [
        {"policy": {"val": "x"}},
        {"policy": {"val": 2.0}},
        {"policy": []},
        {"removed": {"near": -1}},
        {"removed": {"<b>\n": 1}},
        {"hash_format": "x" * 1000},
        {"license": ["x"]},
        {"license": "mit\nconfigs: evil"},
    ],
)
def test_facts_that_are_no_facts_are_refused(version, shared, tmp_path, facts):
    changed = json.dumps(version.facts | facts).encode()
    with pytest.raises(DatasetError, match="damaged"):
        read_shared(rewritten(shared, tmp_path / "h.zip", version=changed))


def test_hashes_of_another_format_are_refused(version, shared, tmp_path):
    changed = json.dumps(version.facts | {"hash_format": "phash1/9"}).encode()
    with pytest.raises(DatasetError, match=r"another version of this program.*'phash1/9'"):
        read_shared(rewritten(shared, tmp_path / "h.zip", version=changed))


def test_a_bomb_is_not_unpacked(shared, tmp_path):
    line = json.dumps({"x": "y" * 50_000}) + "\n"
    bomb = rewritten(shared, tmp_path / "bomb.zip", manifest=(line * 1_500).encode())
    assert bomb.stat().st_size < 500_000
    archive = zipfile.ZipFile(bomb)
    from apparel_clf.dataset.share import _lines, _Zip

    class Digest:
        total = 0

        def update(self, data):
            self.total += len(data)

    digest = Digest()
    with archive, pytest.raises(DatasetError, match="larger than any manifest"):
        list(_lines(_Zip(archive, bomb.stat().st_size), digest))
    assert digest.total < 30_000_000


def test_other_methods_of_compression_are_refused(shared, tmp_path):
    with zipfile.ZipFile(tmp_path / "l.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("version.json", b"{}")
    with pytest.raises(DatasetError, match="other than deflate"):
        read_shared(tmp_path / "l.zip")


def test_what_is_no_shared_version_says_so(version, tmp_path):
    with pytest.raises(DatasetNotFoundError):
        read_shared(tmp_path / "none.zip")
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        read_shared(tmp_path / "x.zip")
    with pytest.raises(DatasetError, match="is not a shared version"):
        read_shared(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        read_shared(tmp_path / "pipe")


def test_sizes_that_no_image_has_are_not_fetched(version, shared, shop, tmp_path):
    hostile = rewritten(shared, tmp_path / "h.zip", **relabelled(version, first(size_bytes=10**15)))
    with pytest.raises(PublishError, match=r"are to be fetched|which no image has"):
        fetch_again(hostile, tmp_path / "again", allow_private=True)


@pytest.mark.parametrize("changes", [{"plain": False}, {"width": 7}, {"format": "PNG"}])
def test_pictures_are_what_the_manifest_says(version, shared, fetch, tmp_path, changes):
    change = relabelled(version, lambda rows: next(r for r in rows if r["plain"]).update(changes))
    hostile = rewritten(shared, tmp_path / "h.zip", **change)
    with pytest.raises(PublishError, match="not the picture that the manifest describes"):
        fetch(hostile)


BLACK = base64.b64encode(bytes(1312)).decode()


@pytest.mark.parametrize(
    "forge",
    [
        lambda row: {"phash": f"{int(row['phash'], 16) ^ 0x1F:016x}"},
        lambda row: {"phash_centre": f"{int(row['phash_centre'], 16) ^ 0xFF:016x}"},
        lambda row: {"thumbnail": BLACK},
        lambda row: {"content_box": [0, 0, row["content_box"][2] - 12, 256]},
        lambda row: {"sharpness": row["sharpness"] * 1.5 + 100},
    ],
)
def test_forged_hashes_are_not_taken(version, shared, fetch, shop, tmp_path, forge):
    change = relabelled(version, lambda rows: rows[0].update(forge(rows[0])))
    hostile = rewritten(shared, tmp_path / "h.zip", **change)
    with pytest.raises(PublishError, match="its hashes are not those of the picture: 1"):
        fetch(hostile)


def test_forged_hashes_of_images_that_are_there_are_not_taken(
    version, shared, fetch, shop, tmp_path
):
    fetch()
    change = relabelled(version, lambda rows: rows[0].update(thumbnail=BLACK))
    with pytest.raises(PublishError, match="its hashes are not those of the picture: 1"):
        fetch(rewritten(shared, tmp_path / "h.zip", **change))


def test_hashes_by_another_decoder_are_taken(version, shared, fetch, shop, tmp_path):
    def differ(rows):
        for row in rows:
            row["phash"] = f"{int(row['phash'], 16) ^ 0xF:016x}"
            row["sharpness"] *= 1.1

    other = rewritten(shared, tmp_path / "h.zip", **relabelled(version, differ))
    assert len(fetch(other)) == COUNT


def test_a_damaged_object_is_fetched_again(version, fetch, shop, tmp_path):
    fetch()
    path = Staging(tmp_path / "again").objects.path(version.rows[0].record.sha256)
    shutil.rmtree(tmp_path / "again" / "v1")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-9] + b"\0" + data[-8:])
    shop.asked.clear()
    assert verify(fetch().path, show_progress=False).ok
    assert (len(shop.asked), path.read_bytes()) == (1, data)


def test_a_web_page_with_the_right_hash_is_no_picture(version, shared, shop, fetch, tmp_path):
    page = b"<html>" * 100
    row = version.rows[0]
    sha256 = hashlib.sha256(page).hexdigest()

    def change(rows):
        path = f"{row.split}/{row.record.label}/{sha256}.jpg"
        rows[0] |= {"sha256": sha256, "size_bytes": len(page), "path": path}
        rows[0] |= {"image_url": f"{shop.url}/page"}
        return sorted(rows, key=lambda r: r["path"])

    shop.answers["/page"] = page
    hostile = rewritten(shared, tmp_path / "h.zip", **relabelled(version, change))
    with pytest.raises(PublishError, match="no usable image"):
        fetch(hostile)


def test_the_licence_that_was_given_is_kept(version, shared, fetch, tmp_path):
    facts = json.dumps(version.facts | {"license": "CC-BY-4.0"}).encode()
    again = fetch(rewritten(shared, tmp_path / "h.zip", version=facts))
    assert again.facts["license"] == "CC-BY-4.0"
    assert "license: cc-by-4.0\n" in (again.path / "README.md").read_text()


@pytest.mark.parametrize("wrong", [{"per_host": 0}, {"timeout": 0}, {"timeout": float("nan")}])
def test_settings_are_checked(fetch, wrong):
    with pytest.raises(SettingsError):
        fetch(**wrong)


def test_the_commands(version, tmp_path, shop, capsys):
    target = tmp_path / "out" / "demo.zip"
    argv = ["dataset", "export", str(version.path), "-o", str(target)]
    assert main(argv) == 0
    assert str(target) in capsys.readouterr().out
    assert main(argv) == 1
    assert "exists already" in capsys.readouterr().err
    assert main([*argv, "--force", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["id"], told["images"]) == (version.id, COUNT)
    del shop.answers[next(iter(shop.answers))]
    fetched = ["dataset", "fetch", str(target), str(tmp_path / "again"), "--allow-private"]
    assert main(fetched) == 1
    assert f"1 of {COUNT} images could not be had" in capsys.readouterr().err
    assert main([*fetched, "--allow-missing", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["missing"], told["images"]) == (1, COUNT - 1)
    assert Path(told["path"]).is_dir()


def test_nothing_but_the_core_is_needed(version, shared, tmp_path):
    """Neither scrapy nor requests nor tensorflow is loaded to fetch."""
    code = (
        "import sys; from apparel_clf.dataset import fetch; "
        "print(sorted({'requests', 'scrapy', 'tensorflow', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
