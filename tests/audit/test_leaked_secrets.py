"""Secrets are found where people leave them, and are not written anywhere else.

The secrets here are made up, and put together while the test runs.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ml_stages.audit.leaked_secrets import leaked_secrets, search

AWS = "AKIA" + "QWERTZUIOPASDFGH"
HUGGING_FACE = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh"
OPENAI = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0k1L2"
RANDOM = "f3Kd9Zq7Xw2Lm8Vb5Nc1" + "Rt6Yp4Hs0Jg"
WORD = "corr" + "ect-horse"
LEAKS = [
    ("train.py", f'key = "{AWS}"', "aws-access-key"),
    ("train.py", f'login(token="{HUGGING_FACE}")', "hugging-face-token"),
    ("train.py", f'client = OpenAI(api_key="{OPENAI}")', "openai-api-key"),
    ("train.py", f'connection = connect(password="{WORD}")', "secret-keyword"),
    ("train.py", f'REGISTRY_TOKEN = "{RANDOM}"', "base64-high-entropy-string"),
    ("train.py", f'url = "postgres://me:{WORD}@db/loans"', "basic-auth-credentials"),
    ("key.pem", "-----BEGIN RSA PRIVATE KEY-----", "private-key"),
    (".env", f"DB_PASSWORD={WORD}", "secret-keyword"),
    (".env.local", f"DB_PASSWORD={WORD}", "secret-keyword"),
    ("run.sh", f"export API_KEY={WORD}", "secret-keyword"),
    ("Dockerfile", f"ENV API_KEY={WORD}", "secret-keyword"),
    ("config.yaml", f"password: {WORD}", "secret-keyword"),
    ("config.toml", f'password = "{WORD}"', "secret-keyword"),
    ("account.json", f'{{"client_secret": "{WORD}"}}', "secret-keyword"),
    ("requirements.lock", f"--index-url https://me:{WORD}@example.com/simple", "basic-auth-credentials"),
]
NO_LEAKS = [
    ("train.py", 'password = os.environ["DB_PASSWORD"]'),
    ("train.py", "password = getpass.getpass()"),
    ("train.py", 'password = ""'),
    ("train.py", "secret: str"),
    ("train.py", 'tokenizer = load("bert", revision="86b5e0934494bd15c9632b12f734a8a67f723594")'),
    ("train.py", 'DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"'),
    ("train.py", f'token = "{RANDOM}"  # pragma: allowlist secret'),
    ("config.yaml", "password: ${{ secrets.DB_PASSWORD }}"),
    ("config.yaml", "password: $DB_PASSWORD"),
    ("config.yaml", "password: <yours>"),
    ("ci.yml", "publish --password=env:REGISTRY_PASSWORD --username=me"),
    ("run.sh", 'export API_KEY="$(cat key)"'),
    ("pyproject.toml", "[tool.ml-pipeline.audit]\nsecrets = true"),
    ("pyproject.toml", 'secrets = ["ORCHARD_WORD"]'),
    ("pyproject.toml", 'api_key = { type = "string", max_null = 0 }'),
    (
        "requirements.lock",
        "numpy==2.4.6 --hash=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    ("README.md", "Set the password in the variable DB_PASSWORD."),
]


@pytest.mark.parametrize(("name", "line", "kind"), LEAKS)
def test_a_secret_is_found_with_its_line_and_without_itself(name: str, line: str, kind: str) -> None:
    """If this fails, a secret stays in the source, or the report spreads it further."""
    (found,) = search(name, f"first line\n{line}\nlast line\n")
    assert (found.finding.rule, found.finding.file, found.finding.line) == (kind, name, 2)
    for secret in (AWS, HUGGING_FACE, OPENAI, RANDOM, WORD):
        assert secret not in found.finding.model_dump_json()


@pytest.mark.parametrize(("name", "line"), NO_LEAKS)
def test_what_is_no_secret_is_left_alone(name: str, line: str) -> None:
    """If this fails, the audit cries wolf until somebody turns it off."""
    assert not search(name, f"{line}\n")


def test_a_notebook_is_searched_as_people_see_it(tmp_path: Path) -> None:
    """If this fails, the place where keys are pasted most is not searched."""
    cell = {"cell_type": "code", "source": ["import x\n", f'api_key = "{WORD}"\n'], "outputs": []}
    printed = {"cell_type": "code", "source": "", "outputs": [{"text": [f"using {AWS}\n"]}]}
    picture = {"cell_type": "code", "source": "", "outputs": [{"data": {"image/png": RANDOM * 100}}]}
    text = json.dumps({"cells": [cell, printed, picture], "nbformat": 4})
    (tmp_path / "look.ipynb").write_text(text)
    found, _ = leaked_secrets(tmp_path)
    assert [one.finding.message.split(":")[0] for one in found] == [
        "cell 1, line 2",
        "cell 2, line of output 1",
    ]
    assert {one.finding.line for one in found} == {None}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_every_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    """If this fails, one letter with an accent hides a file from the search."""
    (tmp_path / "train.py").write_bytes(f'# é\nkey = "{AWS}"\n'.encode(encoding))
    found, searched = leaked_secrets(tmp_path)
    assert [one.finding.rule for one in found] == ["aws-access-key"]
    assert searched == 1


def test_a_long_line_is_searched_to_its_end() -> None:
    """If this fails, a secret in minified text is not found."""
    for before in (0, 3400, 3990, 4000, 7010, 40_000):
        (found,) = search("page.js", f"{'x ' * (before // 2)} {AWS} {'y ' * 3000}")
        assert found.finding.rule == "aws-access-key"


def test_what_is_not_searched_is_said(tmp_path: Path) -> None:
    """If this fails, a large file is passed over in silence."""
    (tmp_path / "table.csv").write_text("1,2,3\n" * 1_000_000)
    (tmp_path / "weights.bin").write_bytes(bytes(6_000_000))
    (tmp_path / "small.bin").write_bytes(b"\0" + AWS.encode())
    found, searched = leaked_secrets(tmp_path)
    assert [(one.finding.rule, one.finding.file, one.finding.severity) for one in found] == [
        ("not-searched", "table.csv", "warning")
    ]
    assert searched == 0


def test_no_secret_is_sent_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, what looks like a secret is sent to a service to see whether it works."""

    def connect(*_: object) -> None:
        raise AssertionError("somebody wants to go out")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    assert [search(name, line) for name, line, _ in LEAKS]
    assert search("slack.py", 'x = "xoxb-' + "1" * 12 + "-" + "2" * 12 + "-" + "a" * 24 + '"')
