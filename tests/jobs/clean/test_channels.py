"""What channels weigh, against FFmpeg's own mixes."""

import av
import numpy as np
import pytest

from jobs.clean.channels import shares_of
from jobs.clean.heard import Heard

RATE = 16_000


def framed(lines, layout):
    frame = av.AudioFrame.from_ndarray(lines, format="fltp", layout=layout)
    frame.sample_rate = RATE
    return frame


@pytest.mark.parametrize("layout", ["mono", "stereo", "3.0", "4.0", "quad", "5.0", "5.1", "5.1(side)", "6.1"])
def test_shares_are_the_mean_of_both_sides_of_ffmpegs_stereo_mix(layout):
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    lines = np.random.default_rng(0).normal(size=(len(names), RATE)).astype(np.float32) / 10
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    stereo = np.concatenate([f.to_ndarray() for f in (*resampler.resample(framed(lines, layout)), *resampler.resample(None))], axis=1).mean(axis=0)
    ours = shares_of(names) @ lines
    scale = float(ours @ stereo / (stereo @ stereo))
    assert shares_of(names).sum() == pytest.approx(1)
    np.testing.assert_allclose(ours, scale * stereo, atol=1e-4)


def test_channels_without_names_are_in_their_usual_order():
    assert shares_of(["NONE"] * 6).tolist() == shares_of(["FL", "FR", "FC", "LFE", "BL", "BR"]).tolist()
    assert shares_of(["LFE"]).tolist() == [1.0]


def test_of_ambisonics_that_channel_is_heard_that_hears_all_around():
    assert shares_of([channel.name for channel in av.AudioLayout("ambisonic 1").channels]).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_what_is_in_the_middle_alone_is_heard():
    """Dialogue of a film with six channels."""
    names = [channel.name for channel in av.AudioLayout("5.1").channels]
    lines = np.zeros((6, RATE * 4), np.float32)
    lines[names.index("FC")] = np.random.default_rng(1).normal(size=RATE * 4) / 10
    heard = Heard(RATE, names, 0.0)
    heard.hear(framed(lines, "5.1"), 0)
    rows = heard.finish().rows
    assert (rows["bandwidth"][::5].sum(axis=1) > 0).all()
    assert np.isfinite(rows["fingerprint"]).any()
    alone = Heard(RATE, ["FC"], 0.0)
    alone.hear(framed(lines[2:3], "mono"), 0)
    assert rows["fingerprint"].shape == alone.finish().rows["fingerprint"].shape
