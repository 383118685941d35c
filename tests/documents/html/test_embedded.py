"""The certificate in the page is the certificate, byte for byte."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.documents.html.pages import content_of, page_of, report_on, shipped
from tpproof.documents.html import certificate_in
from tpproof.documents.html.embedded import PLAIN_BYTES, embedded
from tpproof.errors import TpproofError
from tpproof.limits import Limits


def printed_commands(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)]


def run(page: str, folder: Path, stem: str) -> bytes:
    """The certificate that the command printed in the page takes out of it."""
    (folder / f"{stem}.html").write_text(page, encoding="utf-8")
    command = next(c for c in printed_commands(page) if c.startswith("python3 -c"))
    subprocess.run(command, shell=True, check=True, cwd=folder)
    return (folder / f"{stem}.cert.json").read_bytes()


def test_the_printed_command_takes_the_certificate_out_of_the_page(tmp_path: Path) -> None:
    page = shipped("mlp")
    assert run(page, tmp_path, "mlp") == content_of("mlp")
    assert certificate_in(page.encode()) == content_of("mlp")
    assert hashlib.sha256(content_of("mlp")).hexdigest() in page


def test_the_printed_command_lets_the_checker_accept_what_was_taken_out(tmp_path: Path) -> None:
    page = shipped("mlp")
    run(page, tmp_path, "mlp")
    command = next(c for c in printed_commands(page) if "tpproof.checker" in c)
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)
    assert "accepted" in done.stdout, done.stderr
    assert done.returncode == 0


def test_a_large_certificate_is_compressed_and_comes_out_the_same(tmp_path: Path) -> None:
    data = json.loads(content_of("mlp"))
    data["evidence"]["padding"] = "x" * PLAIN_BYTES
    content = json.dumps(data).encode()
    page = page_of(data, content, report_on(data))
    assert len(page) < PLAIN_BYTES
    assert run(page, tmp_path, "mlp") == content
    assert certificate_in(page.encode()) == content


def test_a_name_that_pretends_to_be_the_link_is_not_taken_for_it() -> None:
    data = json.loads(content_of("mlp"))
    data["evidence"]["name"] = 'id="certificate" href="data:application/json;base64,AAAA"'
    content = json.dumps(data).encode()
    assert certificate_in(page_of(data, content, None).encode()) == content


def test_a_page_without_a_certificate_or_with_a_damaged_one_is_an_error() -> None:
    link = '<a id="certificate" href="{}"'
    damaged = gzip.compress(b"x" * 1000)[:-9]
    packed = "data:application/gzip;base64," + base64.b64encode(damaged).decode()
    for page in ("<html></html>", link.format("data:application/json;base64,A"), link.format(packed)):
        with pytest.raises(TpproofError) as caught:
            certificate_in(page.encode())
        assert caught.value.code == "E109"


def test_a_certificate_that_grows_beyond_the_limit_is_not_unpacked() -> None:
    link = embedded(b"x" * (PLAIN_BYTES + 1), "bomb").link
    with pytest.raises(TpproofError) as caught:
        certificate_in(f'<a id="certificate" href="{link}"'.encode(), Limits(json_bytes=1000))
    assert caught.value.code == "E104"
