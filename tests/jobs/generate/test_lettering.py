from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import features

from jobs.errors import Terminal
from jobs.generate import compose, lettering
from jobs.generate.lettering import NO_END, NO_START, wrap

ZH = "我想和朋友们分享这个难忘的时刻，希望“大家”都能看到《雪山》的美景。"
HEBREW = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
EN = "where the air was thin and clear and every peak looked close enough to touch"


def widths(lines: list[str], size: int) -> list[float]:
    return [lettering.font(size).getlength(line) for line in lines]


@pytest.mark.parametrize("width", [200, 300, 420, 633])
@pytest.mark.parametrize("text", [ZH, EN, "我们用Python写了3.5万行代码，It works（真的）！"])
def test_lines_fit_and_keep_the_rules(text: str, width: int) -> None:
    lines = wrap(text, width, 45)
    assert max(widths(lines, 45)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line[0] in NO_START for line in lines)
    assert not any(line[-1] in NO_END for line in lines)


@pytest.mark.parametrize("text", [
    EN, "Hôm nay trời đẹp, chúng tôi đi biển ngắm hoàng hôn và ăn bữa tối ở bến cảng", "Σήμερα πήγαμε στη θάλασσα και είδαμε το ηλιοβασίλεμα",
    "Сегодня мы поехали в горы, и там было очень красиво", "Z\u0335algo sta\u0323rs ove\u0330r the\u0331 sea\u0332 and the\u0331 hills",
])
def test_words_stay_whole(text: str) -> None:
    for width in range(340, 700, 20):
        assert [w for line in wrap(text, width, 45) for w in line.split()] == text.split()


@pytest.mark.skipif(not HEBREW.exists() or not features.check("raqm"), reason="no font with Hebrew, or no libfribidi, on this machine")
def test_letters_from_the_right_are_drawn_so_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hebrew letters do not join: drawn right, they are the reversed word in a font that is not shaped."""
    from PIL import Image, ImageDraw

    path = str(HEBREW)
    core = lettering.drawn(["שלום"], 60, path).core

    def plain(word: str) -> float:
        picture = Image.new("L", core.shape[::-1], 0)
        at = ((core.shape[1] - lettering.font(60, path).getlength(word)) / 2, core.shape[0] / 2)
        ImageDraw.Draw(picture).text(at, word, fill=255, font=lettering.font(60, path), anchor="lm")
        return float(np.corrcoef(core.ravel(), (np.asarray(picture) > 229).ravel())[0, 1])

    assert plain("םולש") > 0.9 > 0.6 > plain("שלום")
    assert lettering.missing("שלום ok", path) == ""
    monkeypatch.setattr(lettering, "_can_shape", lambda: False)
    assert lettering.missing("שלום ok", path) == "שלום"
    assert "libfribidi" in lettering.told("שלום")
    assert "libfribidi" not in lettering.told("𠮷")


def test_lines_are_even() -> None:
    first, second = widths(wrap("一二三四五六七八九十一二三四五", 633, 45), 45)
    assert abs(first - second) <= 46


def test_a_word_longer_than_the_line_is_cut() -> None:
    lines = wrap("Donaudampfschifffahrtsgesellschaft" * 2, 300, 45)
    assert max(widths(lines, 45)) <= 300
    assert "".join(lines) == "Donaudampfschifffahrtsgesellschaft" * 2


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("我们去看海ab cde，。！“”（）《》12% "), min_size=1, max_size=60), st.integers(140, 700)
)
def test_nothing_is_lost_in_wrapping(text: str, width: int) -> None:
    assert "".join(wrap(text, width, 40)).replace(" ", "") == text.replace(" ", "")


def test_the_font_has_both_chinese_scripts_and_says_what_it_lacks() -> None:
    gb2312 = "".join(bytes([hi, lo]).decode("gb2312", "ignore") for hi in range(0xB0, 0xF8) for lo in range(0xA1, 0xFF))
    rows = [bytes([hi, lo]) for hi in range(0xA4, 0xC7) for lo in (*range(0x40, 0x7F), *range(0xA1, 0xFF))]
    big5 = "".join(row.decode("big5", "ignore") for row in rows if row < b"\xc6\xa1")  # the 5401 of its first level
    assert (len(gb2312), len(big5)) == (6763, 5401)
    assert lettering.missing(gb2312 + big5 + "我哋今日去咗海邊，啲風景真係好靚") == ""
    assert lettering.missing("AI-generated AI生成 0123，。！？“”《》…—℃%é mc² ≤ ½ α → Đà Nẵng の カ") == ""
    assert lettering.missing("𠮷野家ก ok\u3000 ") == "𠮷ก"
    assert lettering.FONT.stat().st_size <= 2_300_000
    assert "SIL OPEN FONT LICENSE" in (lettering.FONT.parent / "OFL.txt").read_text(encoding="utf-8")


def test_a_font_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.otf").write_bytes(b"not a font")
    for path in (tmp_path / "x.otf", tmp_path / "nothing.otf"):
        with pytest.raises(Terminal, match=f"publish.font = '{path}'"):
            lettering.fingerprint(str(path))


@pytest.mark.parametrize("aspect", ["9:16", "16:9", "1:1"])
@pytest.mark.parametrize("text", [ZH, EN, EN + " " + EN, "好"])
def test_subtitles_stay_inside_the_safe_area(aspect: str, text: str) -> None:
    canvas = compose.Canvas(aspect, 720, 24)
    width, height = canvas.size
    overlay = compose.subtitle(text, canvas)
    drawn = np.argwhere(overlay.alpha[..., 0] > 0)
    top, left = drawn.min(0) + (overlay.y, overlay.x)
    bottom, right = drawn.max(0) + (overlay.y, overlay.x)
    assert left >= width * 0.04
    assert right <= width * 0.96
    assert top >= height * 0.55
    assert bottom <= height * (0.88 if aspect == "9:16" else 0.95)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, 5), (-7, -3), (150, 90)])
def test_letters_are_blended_where_they_belong(x: int, y: int) -> None:
    from dataclasses import replace

    import av

    grey = np.full((120, 260, 3), 200, np.uint8)
    overlay = replace(lettering.drawn(["AI生成"], 40, box=True), x=x, y=y)
    picture = compose.planes(grey)
    lettering.laid(lettering.stamp(overlay), picture)
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    seen = frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG").to_ndarray()
    wanted = np.pad(grey, ((100, 100), (100, 100), (0, 0)), mode="edge").astype(float)
    h, w = overlay.core.shape
    place = wanted[100 + y:100 + y + h, 100 + x:100 + x + w]
    place += (overlay.rgb - place) * overlay.alpha
    wanted = wanted[100:-100, 100:-100]
    assert np.abs(seen - wanted).max() <= 4
    assert (seen.max(2) - seen.min(2)).max() <= 3  # grey stays grey
