"""Every bound can be set from the environment."""

from __future__ import annotations

import pytest

from dashboard.live.settings import Settings


def test_the_environment_overrides():
    settings = Settings.from_environment({
        "BPTT_MAX_RUNS": "7", "BPTT_PAUSE_AFTER": "1.5", "BPTT_ALLOWED_ORIGINS": "https://a.example, https://b.example", "PATH": "/bin",
    })  # fmt: skip
    assert settings == Settings(max_runs=7, pause_after=1.5, allowed_origins=("https://a.example", "https://b.example"))


def test_settings_go_through_the_environment_unchanged():
    settings = Settings(max_runs=3, pause_after=0.25, allowed_origins=("https://a.example",))
    assert Settings.from_environment(settings.to_environment()) == settings
    assert Settings.from_environment(Settings().to_environment()) == Settings()


@pytest.mark.parametrize(("value", "kind"), [("many", "whole number"), ("1.5", "whole number"), ("-1", "whole number")])
def test_a_bad_value_is_refused_by_name(value, kind):
    with pytest.raises(ValueError, match=f"BPTT_MAX_RUNS must be a {kind} of at least 0, not '{value}'"):
        Settings.from_environment({"BPTT_MAX_RUNS": value})


@pytest.mark.parametrize("value", ["-0.1", "inf", "nan"])
def test_a_time_is_a_finite_number(value):
    with pytest.raises(ValueError, match=f"BPTT_PAUSE_AFTER must be a number of at least 0, not '{value}'"):
        Settings.from_environment({"BPTT_PAUSE_AFTER": value})
