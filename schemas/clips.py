"""`clips`: a span of a source with everything that was measured of it.

Measurements are numbers, never verdicts: `rejects` has those. What does not apply to a modality is null. The formula of
each measurement is in the docstring of the file that makes it (`jobs/clean/measures/`).
"""

import pyarrow as pa

from schemas.table import Table, col, maybe

FRAME = pa.struct([
    pa.field("t_s", pa.float64(), nullable=False),
    pa.field("jpeg", pa.large_binary(), nullable=False),
])
"""A stored frame: presentation time in the source in seconds, and a small JPEG (short side 224 pixels, less if smaller)."""

CLIPS = Table(
    "clips",
    key=("clip_id",),
    personal=("title", "caption", "transcript", "text", "frames", "phashes", "phash_times_s", "sketches", "sketch_times_s", "audio_fingerprint"),
    schema=pa.schema([
        col("clip_id", pa.string(), "first 32 hex digits of sha256 over source id and span"),
        col("source_id", pa.string(), "parent in `sources`"),
        col("modality", pa.string(), "video, image, audio or text"),
        col("source_sha256", pa.string(), "sha256 of the parent's bytes: equal for exact copies"),
        maybe("source_bytes", pa.int64(), "size of the parent, bytes"),
        maybe("source_bytes_per_s", pa.float64(), "bytes of the parent over its length as its container says; null without a length"),
        maybe("source_fetched_at", pa.timestamp("us", tz="UTC"), "`sources.fetched_at` of the parent"),
        col("start_s", pa.float64(), "start in the source's presentation time, seconds; 0 for pictures and texts"),
        col("end_s", pa.float64(), "end, seconds, exclusive"),
        col("duration_s", pa.float64(), "end_s - start_s"),
        # texts that came with the source, masked
        maybe("title", pa.string(), "from the source"),
        maybe("caption", pa.string(), "from the source"),
        maybe("lang", pa.string(), "from the source"),
        maybe("transcript", pa.string(), "from the source; its presence means that speech is expected"),
        maybe("licence", pa.string(), "from the source"),
        # form of the picture
        maybe("width", pa.int32(), "display width in pixels after rotation and sample aspect ratio"),
        maybe("height", pa.int32(), "display height in pixels, likewise"),
        maybe("rotation_deg", pa.int32(), "clockwise degrees that a player applies"),
        maybe("sar", pa.float64(), "sample aspect ratio"),
        maybe("frame_count", pa.int64(), "frames decoded within the span"),
        maybe("fps", pa.float64(), "effective rate: frame_count over duration"),
        maybe("vfr", pa.bool_(), "frame intervals differ by more than 20 % of their median"),
        maybe("bit_depth", pa.int32(), "bits per component"),
        maybe("hdr", pa.bool_(), "transfer is PQ or HLG"),
        maybe("interlaced", pa.bool_(), "more than half of the frames are flagged interlaced"),
        maybe("combing", pa.float64(), "share of the sampled pictures in which two moments are woven, flagged or not, 0..1"),
        maybe("alpha", pa.bool_(), "the picture has an alpha channel"),
        maybe("video_codec", pa.string(), "codec name"),
        # picture
        maybe("luma_mean", pa.float64(), "mean luma, 0..255, full range"),
        maybe("luma_std", pa.float64(), "mean over samples of the spatial standard deviation of luma, 0..127.5 (contrast)"),
        maybe("black_share", pa.float64(), "share of frames that are black, 0..1"),
        maybe("sharpness", pa.float64(), "variance of the Laplacian on the 224-pixel luma picture, best quartile over samples"),
        maybe("acutance", pa.float64(), "most abrupt edges over the range of luma, 0 to about 1"),
        maybe("motion", pa.float64(), "mean optical flow between samples, share of the short side per second"),
        maybe("camera_motion", pa.float64(), "the part of `motion` explained by one global similarity transform"),
        maybe("object_motion", pa.float64(), "motion left after the global transform"),
        maybe("pan_x", pa.float64(), "how far the camera turns or travels to the right, short sides a second; left is negative"),
        maybe("pan_y", pa.float64(), "likewise downwards"),
        maybe("zoom", pa.float64(), "growth of the picture by the camera per second; 0.1 is a tenth"),
        maybe("freeze_share", pa.float64(), "share of the span in which nothing changes, 0..1"),
        maybe("duplicate_frame_share", pa.float64(), "share of frames equal to the frame before, 0..1"),
        maybe("flicker", pa.float64(), "mean absolute second difference of mean luma between frames, 0..255"),
        maybe("letterbox_share", pa.float64(), "share of the picture height that is bars above and below, dark or of any other shade, a blurred copy among them, 0..1"),
        maybe("pillarbox_share", pa.float64(), "share of the picture width that is bars left and right, likewise, 0..1"),
        maybe("blockiness", pa.float64(), "mean luma step across 8-pixel borders over the mean step elsewhere"),
        maybe("colourfulness", pa.float64(), "Hasler and Suesstrunk 2003 metric"),
        maybe("text_area_share", pa.float64(), "estimated share of the picture covered by text, 0..1"),
        maybe("residual_cut", pa.float64(), "greatest cut score inside the span over the cut threshold; 1 is a cut"),
        maybe("phashes", pa.list_(pa.uint64()), "64-bit DCT perceptual hashes of the samples in order, three of each: inside its bars, whole, and its middle"),
        maybe("phash_times_s", pa.list_(pa.float64()), "presentation time of each of `phashes`, seconds in the source"),
        maybe("sketches", pa.large_binary(), "eight pictures a second of 16 x 12 luma and 8 x 6 + 8 x 6 chroma bytes, one after the other, as shown; dedup fits clips by them"),
        maybe("sketch_times_s", pa.list_(pa.float64()), "presentation time of each of `sketches`, seconds in the source"),
        maybe("frames", pa.list_(FRAME), "a few small frames that cover the clip; later stages read these, never the video"),
        # sound
        maybe("has_audio", pa.bool_(), "there is a decodable sound stream in the span"),
        maybe("audio_codec", pa.string(), "codec name"),
        maybe("sample_rate_hz", pa.int32(), "of the sound stream"),
        maybe("channels", pa.int32(), "of the sound stream"),
        maybe("loudness_lufs", pa.float64(), "integrated loudness, ITU-R BS.1770-4; null below the absolute gate"),
        maybe("true_peak_dbtp", pa.float64(), "greatest 4x oversampled peak, dBTP"),
        maybe("clipping_share", pa.float64(), "share of clipped samples, 0..1"),
        maybe("silence_share", pa.float64(), "share of 100 ms windows below -50 dBFS RMS without their offset, 0..1"),
        maybe("speech_share", pa.float64(), "share of the span judged to be speech, 0..1"),
        maybe("bandwidth_hz", pa.float64(), "frequency below which 99 % of the energy lies"),
        maybe("snr_db", pa.float64(), "estimate: loud over quiet window energy"),
        maybe("av_skew_s", pa.float64(), "sound length minus picture length of the source, seconds"),
        maybe("audio_fingerprint", pa.list_(pa.uint32()), "32-bit words of the bands that rise and of those that fall, in turn, about eight of each a second"),
        # text
        maybe("text", pa.large_string(), "body of a text clip, masked"),
        maybe("text_chars", pa.int64(), "characters without white space"),
        maybe("text_words", pa.int64(), "words; an ideograph counts as one, and so do up to four letters of scripts without spaces; addresses of pages are none, and 0 where nearly all are numbers"),
        maybe("repetition_share", pa.float64(), "share of words inside repeated 5-grams, or of characters in runs of the same letters where that is more, 0..1"),
        maybe("symbol_share", pa.float64(), "share of characters that are neither letters, digits, marks nor punctuation, or were read in a wrong encoding, 0..1"),
        maybe("markup_share", pa.float64(), "share of characters inside tags, code in braces and escapes, 0..1"),
        maybe("boilerplate_share", pa.float64(), "share of lines (of long ones: sentences) that are boilerplate, 0..1"),
        maybe("lang_detected", pa.string(), "language identified from the text, BCP 47"),
        maybe("lang_score", pa.float64(), "confidence of it, 0..1"),
        maybe("pii_count", pa.int32(), "pieces of personal data that were masked in its texts"),
    ]),
)
