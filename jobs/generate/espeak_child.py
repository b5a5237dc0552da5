"""A process that speaks one text with espeak-ng and ends: text on standard input, the rate and 16-bit samples on
standard output.

Run as a file, without site packages: `python -I -S espeak_child.py LIBRARY DATA VOICE WORDS_PER_MINUTE`.
"""

import ctypes
import sys

SYNCHRONOUS, UTF8, RATE_PARAMETER = 2, 1, 1
NO_START, NO_VOICE = 3, 4
"""Exit codes."""


def main(library: str, data: str, voice: str, words_per_minute: str) -> int:
    """Speak; an exit code says why not."""
    espeak = ctypes.CDLL(library)
    espeak.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
                                    ctypes.c_void_p, ctypes.c_void_p]
    rate = int(espeak.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), 0))
    if rate <= 0:
        return NO_START
    heard = bytearray()

    def hear(samples: int | None, count: int, events: object) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(hear)
    espeak.espeak_SetSynthCallback(callback)
    if espeak.espeak_SetVoiceByName(voice.encode()) != 0:
        return NO_VOICE
    espeak.espeak_SetParameter(RATE_PARAMETER, int(words_per_minute), 0)
    text = sys.stdin.buffer.read() + b"\0"
    espeak.espeak_Synth(text, len(text), 0, 1, 0, UTF8, None, None)
    espeak.espeak_Synchronize()
    sys.stdout.buffer.write(rate.to_bytes(4, "little") + heard)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
