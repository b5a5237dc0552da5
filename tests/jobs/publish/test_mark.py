"""Mutations: each takes one mark off a finished file, and reading it back must find out."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.generate import compose
from jobs.generate.compose import Canvas, Scene
from jobs.generate.narrator import Cue, Speech
from jobs.publish import keys, mark
from jobs.publish.mark import Unlabelled, read_label
from schemas.settings import Runtime

LABEL = "AI生成"
CANVAS = Canvas("9:16", 240, 12)


def composed(label: str | None = LABEL, tags: dict[str, str] | None = None, ground: int = 90) -> bytes:
    rate = 22050
    sound = (0.2 * np.sin(np.arange(rate) * 0.2)).astype(np.float32)
    frames = np.full((4, 64, 64, 3), ground, np.uint8)
    frames[:, 20:30, 20:30] = [[[[200, 30, 30]]], [[[30, 200, 30]]], [[[30, 30, 200]]], [[[200, 200, 30]]]]
    speech = Speech(sound, rate, (Cue(0.1, 0.9, "你好", 0),), (0.0, 1.0))
    overlay = mark.overlay(label, *CANVAS.size) if label else None
    return compose.compose([Scene(frames, 4.0)], speech, CANVAS, label=overlay,
                           metadata=mark.metadata("reelmill", "key", "标题") if tags is None else tags)


def finished(video: bytes, folder: Path, by: keys.Signer | None = None) -> Path:
    file = folder / "v.mp4"
    file.write_bytes(
        mark.signed(video, by or keys.test_signer(folder / "keys"), "reelmill", "标题", {"generation_ids": ["g1", "g2"]})
    )
    return file


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(composed(), tmp_path_factory.mktemp("good"))


def test_a_marked_file_is_read_back(good: Path) -> None:
    found = read_label(good, label=LABEL)
    assert (found.visible, found.c2pa, found.test_key, found.generation_ids) == (LABEL, "Valid", True, ("g1", "g2"))
    assert '"ProduceID": "key"' in found.aigc
    assert (found.width, found.height, found.subtitles) == (234, 416, 1)
    assert abs(found.video_s - found.audio_s) < 1 / 12
    with av.open(str(good)) as container:  # it still plays after signing
        assert sum(1 for _ in container.decode(video=0)) == 12


@pytest.mark.parametrize("ground", [0, 90, 255])
def test_the_label_is_seen_on_dark_and_bright_pictures(tmp_path: Path, ground: int) -> None:
    assert read_label(finished(composed(ground=ground), tmp_path), label=LABEL).visible == LABEL


@pytest.mark.parametrize("short", [240, 480, 720, 1080])
@pytest.mark.parametrize("text", [LABEL, "AI-generated"])
def test_the_letters_are_five_percent_of_the_short_side(short: int, text: str) -> None:
    for size in ((short, short * 16 // 9), (short * 16 // 9, short), (short, short)):
        overlay = mark.overlay(text, *size)
        rows = np.argwhere(overlay.core.any(1)).ravel()
        assert rows[-1] - rows[0] + 1 >= 0.05 * short * 0.97  # ink above half intensity; antialiased edges are not counted
        assert overlay.x >= 0
        assert overlay.x + overlay.rgb.shape[1] <= size[0]


def stripped(video: bytes) -> bytes:
    """The same packets in a new container without any metadata, as a careless remux leaves it."""
    target = io.BytesIO()
    with av.open(io.BytesIO(video)) as source, av.open(target, "w", format="mp4") as sink:
        streams = {s.index: sink.add_stream_from_template(s) for s in source.streams if s.type in ("video", "audio")}
        for packet in source.demux(*[source.streams[i] for i in streams]):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                sink.mux(packet)
    return target.getvalue()


def refused(file: Path, says: str, label: str = LABEL) -> None:
    with pytest.raises(Unlabelled, match=says):
        read_label(file, label=label)


def test_a_remux_strips_the_manifest_and_is_refused(good: Path, tmp_path: Path) -> None:
    file = tmp_path / "v.mp4"
    file.write_bytes(stripped(good.read_bytes()))
    refused(file, "no C2PA manifest")


def test_a_signed_file_without_the_metadata_field_is_refused(tmp_path: Path) -> None:
    refused(finished(stripped(composed()), tmp_path), "AIGC metadata field is missing")


@pytest.mark.parametrize("field", ["", "{", '{"Label": "0"}', "[]", '"x"'])
def test_a_field_that_says_nothing_is_refused(tmp_path: Path, field: str) -> None:
    refused(finished(composed(tags={"AIGC": field}), tmp_path), "AIGC metadata field is missing")


def test_a_file_without_the_visible_label_is_refused(tmp_path: Path) -> None:
    refused(finished(composed(label=None), tmp_path), "not seen at 0%")


def test_another_text_is_not_the_label(tmp_path: Path) -> None:
    refused(finished(composed(label="广告素材"), tmp_path), "not seen")


def test_a_label_that_goes_away_in_the_middle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = compose.lettering.laid, [0]

    def laid(stamp: Any, picture: Any) -> None:
        count[0] += 1
        if stamp.y > 60 or count[0] < 14:
            real(stamp, picture)

    monkeypatch.setattr(compose.lettering, "laid", laid)
    refused(finished(composed(), tmp_path), "not seen at (50|75|100)%")


@pytest.mark.parametrize("where", [0.5, 0.9])
def test_one_flipped_byte_breaks_the_seal(good: Path, tmp_path: Path, where: float) -> None:
    data = bytearray(good.read_bytes())
    data[int(len(data) * where)] ^= 1
    file = tmp_path / "v.mp4"
    file.write_bytes(bytes(data))
    refused(file, r"C2PA manifest is Invalid|no C2PA manifest")


@pytest.mark.parametrize("data", [b"", b"no video", b"\0" * 1000])
def test_what_is_no_video_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "v.mp4"
    file.write_bytes(data)
    refused(file, "no C2PA manifest")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.mp4", "no C2PA manifest")


def test_a_key_of_ones_own_is_trusted_under_its_root(tmp_path: Path) -> None:
    made = keys._made()
    own = keys.Signer(made.key, made.chain, False)
    file = finished(composed(), tmp_path, own)
    assert read_label(file, label=LABEL, anchor=own.anchor).c2pa == "Trusted"
    other = keys._made()
    assert read_label(file, label=LABEL, anchor=other.anchor).c2pa == "Valid"


def test_the_test_key_is_made_once_and_marked(tmp_path: Path) -> None:
    first, second = keys.test_signer(tmp_path), keys.test_signer(tmp_path)
    assert first == second
    assert first.test
    assert (tmp_path / "signer.pem").stat().st_mode & 0o077 == 0
    from cryptography import x509

    assert "TEST" in x509.load_pem_x509_certificates(first.chain)[0].subject.rfc4514_string()


def test_keys_of_the_user(tmp_path: Path) -> None:
    made = keys._made()
    key, chain, wrong = tmp_path / "k.pem", tmp_path / "c.pem", tmp_path / "w.pem"
    key.write_bytes(made.key), chain.write_bytes(made.chain), wrong.write_bytes(keys._made().chain)
    assert not keys.signer(Runtime(signing_key=str(key), signing_chain=str(chain))).test
    cases: list[tuple[dict[str, str], str]] = [
        ({"signing_key": str(key)}, "signing_chain is empty"),
        ({"signing_chain": str(chain)}, "signing_key is empty"),
        ({"signing_key": str(key), "signing_chain": str(wrong)}, "does not belong"),
        ({"signing_key": str(chain), "signing_chain": str(key)}, "not an unencrypted PEM"),
        ({"signing_key": str(tmp_path / "none"), "signing_chain": str(chain)}, "No such file"),
    ]
    for given, says in cases:
        with pytest.raises(Terminal, match=says):
            keys.signer(Runtime(**given))  # type: ignore[arg-type]


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "k.pem").write_bytes(pem)
    (tmp_path / "c.pem").write_bytes(keys._made().chain)
    with pytest.raises(Terminal, match="P-256"):
        keys.signer(Runtime(signing_key=str(tmp_path / "k.pem"), signing_chain=str(tmp_path / "c.pem")))


