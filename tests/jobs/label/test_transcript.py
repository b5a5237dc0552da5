"""Transcripts by a locally made tiny Whisper of random weights: it knows nothing, so what is said is that of a stand-in."""

import json
import math
import wave
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.label.labeler import Absent, Batch, labelers
from jobs.label.labelers import transcript
from jobs.media.faults import DecodeCrash, DecodeTimeout, MissingFile, NoMedia, Undecodable
from schemas.settings import Label

RATE = 22_050


@pytest.fixture
def source(tmp_path):
    """Three seconds whose loudness tells the second: tones of 0.1, 0.3 and 0.5."""
    t = np.arange(RATE) / RATE
    sound = np.concatenate([a * np.sin(2 * math.pi * 300 * t) for a in (0.1, 0.3, 0.5)])
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    path = tmp_path / "said.wav"
    return {"source_id": "s", "uri": str(path), "size_bytes": path.stat().st_size, "sha256": None, "fetched_at": None}


def clip(name, start, end, speech=0.8):
    return {"clip_id": name, "source_id": "s", "start_s": start, "end_s": end, "speech_share": speech}


class Ear:
    """Says how loud it is, in one segment that reaches beyond the end, in the language it is told to hear."""

    def __init__(self, lang="en", multilingual=True):
        self.lang, self.heard, self.model = lang, [], SimpleNamespace(is_multilingual=multilingual)

    def transcribe(self, sound, **options):
        assert options["temperature"] == 0.0
        self.heard.append(sound)
        word = f" loud {np.abs(sound).max():.1f}, call 138 1234 5678"
        pieces = [SimpleNamespace(start=0.0, end=29.0, text=t, avg_logprob=math.log(p), tokens=[1] * n) for t, p, n in ((word, 0.5, 1), (" ", 1, 9), (" bye", 1.0, 1))]
        return iter(pieces), SimpleNamespace(language=self.lang, language_probability=0.9)


def found(ear, source, *rows):
    return {(f.clip_id, f.key): f for f in transcript.label(ear, Batch(rows, {"s": source}))}


def test_every_clip_hears_its_own_span_and_nothing_else(source):
    ear = Ear()
    said = found(ear, source, clip("a", 0.1, 0.9), clip("b", 1.1, 1.9), clip("c", 2.1, 2.6))
    assert [len(s) for s in ear.heard] == [0.8 * 16_000, 0.8 * 16_000, 0.5 * 16_000]
    for name, loud in (("a", 0.1), ("b", 0.3), ("c", 0.5)):
        assert said[name, "text"].text == f"loud {loud}, call <PHONE> bye"
        assert said[name, "text"].score == pytest.approx(math.sqrt(0.5), abs=1e-4)
        assert (said[name, "lang"].text, said[name, "lang"].score, said[name, "status"].text) == ("en", 0.9, "ok")
    assert json.loads(said["c", "segments"].text) == [[0.0, 0.5, "loud 0.5, call <PHONE>"], [0.0, 0.5, "bye"]]
    assert " " not in found(Ear("zh"), source, clip("a", 0.1, 0.9))["a", "text"].text.partition(">")[2]


def test_a_number_that_goes_on_in_the_next_segment_is_masked(source):
    class Halting(Ear):
        def transcribe(self, sound, **options):
            pieces = [SimpleNamespace(start=a, end=a + 0.3, text=t, avg_logprob=0.0, tokens=[1]) for a, t in ((0.0, " call me on 138"), (0.4, " 0013 8000 tonight"))]
            return iter(pieces), SimpleNamespace(language=self.lang, language_probability=0.9)

    said = found(Halting(), source, clip("a", 0.1, 0.9))
    assert said["a", "text"].text == "call me on <PHONE> tonight"
    assert json.loads(said["a", "segments"].text) == [[0.0, 0.7, "call me on <PHONE> tonight"]]


def test_what_does_not_speak_is_not_asked_and_what_cannot_be_heard_says_so(source, tmp_path):
    ear = Ear()
    assert found(ear, source, clip("a", 0, 1, 0.0), clip("b", 0, 1, None)) == {}
    assert ear.heard == []
    assert found(ear, source, clip("a", 50.0, 51.0))["a", "status"].text == "undecodable"
    gone = source | {"uri": str(tmp_path / "gone.wav")}
    assert {k: f.text for k, f in found(ear, gone, clip("a", 0, 1), clip("b", 1, 2)).items()} == {
        ("a", "status"): "unreadable",
        ("b", "status"): "unreadable",
    }


@pytest.mark.parametrize(
    ("fault", "status"),
    [(MissingFile, "unreadable"), (DecodeCrash, "unreadable"), (DecodeTimeout, "undecodable"), (Undecodable, "undecodable"), (NoMedia, "undecodable")],
)
def test_a_fault_of_the_place_may_pass_and_one_of_the_sound_stays(source, monkeypatch, fault, status):
    def listen(*words):
        raise fault

    monkeypatch.setattr(transcript, "listen", listen)
    assert found(Ear(), source, clip("a", 0.0, 1.0))["a", "status"].text == status
    assert (status in labelers()["transcript"].passing) == (status == "unreadable")


def test_a_folder_that_is_no_model_says_how_to_make_one(tmp_path):
    with pytest.raises(Absent, match="asr_model"):
        transcript.model(Label())
    with pytest.raises(Terminal, match=r"(?s)model\.bin.*ct2-transformers-converter"):
        transcript.model(Label(asr_model=str(tmp_path)))
    for name in transcript.FILES:
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(Terminal, match="cannot load"):
        transcript.load(Label(asr_model=str(tmp_path)), "cpu")


def test_a_faster_whisper_folder_loads_and_listens(source, tmp_path):
    import torch
    from ctranslate2.converters import TransformersConverter
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({c: i for i, c in enumerate(letters)}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    signs = ("endoftext", "startoftranscript", "en", "translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
    made.add_special_tokens([f"<|{sign}|>" for sign in signs])
    end = len(letters)
    PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|endoftext|>", unk_token="<|endoftext|>").save_pretrained(tmp_path / "hf")
    torch.manual_seed(1)
    narrow = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 16))}
    network = WhisperForConditionalGeneration(
        WhisperConfig(vocab_size=end + len(signs) + 1501, d_model=16, **narrow, bos_token_id=end, eos_token_id=end, pad_token_id=end,
                      decoder_start_token_id=end + 1)
    )  # fmt: skip
    network.generation_config.suppress_tokens, network.generation_config.begin_suppress_tokens = [end + 7], [end]
    network.save_pretrained(tmp_path / "hf")
    folder = tmp_path / "model"
    TransformersConverter(str(tmp_path / "hf"), copy_files=["tokenizer.json"]).convert(str(folder))
    settings = Label(asr_model=str(folder))
    labeler = labelers()["transcript"]
    revision = labeler.model(settings).revision
    assert len(revision) == 12
    (folder / "generation_config.json").write_text('{"suppress_tokens": []}')
    assert labeler.model(settings).revision not in (revision, ""), "another tokenizer or configuration writes other words"
    (folder / "generation_config.json").unlink()
    assert labeler.model(settings).revision == revision
    whisper = labeler.load(settings, "cpu")
    (folder / "preprocessor_config.json").write_text('{"feature_size": 128}')
    with pytest.raises(Terminal, match=r"listens to 80 bands, and 128 would be made"):
        labeler.load(settings, "cpu")
    (folder / "preprocessor_config.json").unlink()
    rows = [clip("a", 0.0, 2.0)]
    twice = [labeler.label(whisper, Batch(rows, {"s": source})) for _ in range(2)]
    assert twice[0] == twice[1]
    assert {f.text for f in twice[0] if f.key == "status"} <= {"ok", "empty"}
