"""`reelmill calibrate` and `reelmill whatif` speak of the thresholds that the lake was judged by."""

import json
import shlex

import pytest

from jobs.__main__ import main

FINE = ["--set", "policy.preset=finetune", "--set", "policy.filters.duration.min_s=3"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Texts of 11 to 30 words, judged with `policy.preset=finetune`."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "sources").mkdir()
    words = [f"{a}{b}" for a in ("sand", "snow", "rain", "wood", "moon") for b in ("storm", "fall", "land", "light", "house", "bird")]
    for count in range(11, 31):
        (folder / "sources" / f"{count}.txt").write_text(f"The {' '.join(words[i * count % 29] for i in range(count - 1))}.")
    assert main(["run", "collect", "--source", str(folder / "sources"), "--lake", str(folder / "lake")]) == 0
    assert main(["run", "clean", "--lake", str(folder / "lake"), *FINE]) == 0
    return str(folder / "lake")


def least_words(lake: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[float, dict[str, object]]:
    capsys.readouterr()
    assert main(["calibrate", "--quantile", "0.9", "--lake", lake, "--json", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    (current,) = (p["current"] for p in told["proposals"] if (p["check"], p["field"]) == ("text_length", "min_words"))
    return current, told["settings"]["policy"]


def test_what_is_in_force_is_what_the_lake_was_judged_by(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    current, policy = least_words(lake, capsys)
    assert current == 10  # the default preset has 5
    assert policy["preset"] == "finetune"
    assert policy["filters"]["duration"] == {"min_s": 3}  # type: ignore[index]
    assert least_words(lake, capsys, "--set", "policy.preset=pretrain")[0] == 5
    assert least_words(lake, capsys, "--set", "device=cpu")[0] == 10


def test_the_command_that_is_proposed_goes_by_them_too(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--quantile", "0.9", "--lake", lake]) == 0
    text = capsys.readouterr().out
    assert "in force" in text
    command = shlex.split(text[text.index("reelmill whatif"):].replace("\\\n", ""))[1:]
    assert main([*command[:5], "--json"]) == 0  # with the policy of the lake alone nothing is other
    same = json.loads(capsys.readouterr().out)
    assert (same["kept"], same["rejected"]) == (same["kept_before"], same["rejected_before"])
    assert main([*command, "--json"]) == 0
    then = json.loads(capsys.readouterr().out)
    assert then["kept_before"] == same["kept"] > then["kept"]
    assert main(["calibrate", "--quantile", "0.9", "--lake", lake, "--set", "policy.preset=pretrain"]) == 0
    text = capsys.readouterr().out
    assert "as given" in text
    assert "finetune" not in text
