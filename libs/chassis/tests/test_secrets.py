"""Secrets come from the environment or from files, and are told to nobody."""

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from chassis.settings import SECRETS_DIR, Settings

KEY = base64.b64encode(b"a very secret key of 32 bytes !!").decode()
URL = "postgresql://kehu:hidden-password@db/kehu_credit"
TOKENS = '{"hidden-token": {"id": "erp", "roles": ["integration"]}}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SECRETS_DIR, str(tmp_path))
    (tmp_path / "keys__encryption").write_text(f"{KEY}\n")
    (tmp_path / "databases__urls").write_text(f'{{"credit": "{URL}"}}')
    (tmp_path / "auth__tokens").write_text(TOKENS)
    (tmp_path / "metrics__token").write_text("hidden-from-strangers\n")
    (tmp_path / "traces__headers").write_text('{"Authorization": "hidden-header"}')
    return tmp_path


def test_a_secret_is_read_from_its_file(folder: Path) -> None:
    settings = Settings()
    assert settings.keys.encryption is not None
    assert settings.keys.encryption.get_secret_value() == KEY
    assert settings.databases.urls["credit"].get_secret_value() == URL
    assert settings.auth.known()["hidden-token"].id == "erp"
    assert settings.metrics.token is not None
    assert settings.metrics.token.get_secret_value() == "hidden-from-strangers"
    assert settings.traces.headers["Authorization"].get_secret_value() == "hidden-header"


def test_the_environment_goes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_KEYS__ENCRYPTION", "another")
    settings = Settings()
    assert settings.keys.encryption is not None
    assert settings.keys.encryption.get_secret_value() == "another"


def test_whoever_prints_the_settings_prints_no_secret(folder: Path) -> None:
    printed = f"{Settings()!r} {Settings()} {Settings().auth!r} {Settings().databases}"
    for secret in (KEY, "hidden-password", "hidden-token", "hidden-from-strangers", "hidden-header"):
        assert secret not in printed


def test_a_wrong_setting_is_named_and_no_secret_is_quoted(folder: Path) -> None:
    (folder / "http__port").write_text("seventy")
    with pytest.raises(ValidationError) as wrong:
        Settings()
    assert "http.port" in str(wrong.value)
    for secret in (KEY, "hidden-password", "hidden-token"):
        assert secret not in str(wrong.value)
