"""The few facts of H.264 bitstreams that joining two encodings in one track needs: units, parameter sets and their numbers."""

from collections.abc import Iterator
from dataclasses import dataclass

IDR, SPS, PPS, DELIMITER = 5, 7, 8, 9


class AvcError(ValueError):
    """A stream that is not laid out as H.264 in MP4 or in Annex B."""


@dataclass(frozen=True)
class ParameterSets:
    """What a decoder must know before the first picture.

    Attributes:
        length_size: Bytes of the length before each unit; 0 for Annex B start codes.
    """

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    length_size: int


def parameter_sets(extradata: bytes) -> ParameterSets:
    """Parameter sets out of a codec's extradata, in either layout.

    Raises:
        AvcError: there are none, or the data break off.
    """
    if extradata[:1] == b"\x01":
        return _from_avcc(extradata)
    units = list(annex_b_units(extradata))
    sets = ParameterSets(tuple(u for u in units if unit_type(u) == SPS), tuple(u for u in units if unit_type(u) == PPS), 0)
    if not sets.sps or not sets.pps:
        raise AvcError("no parameter sets in the extradata")
    return sets


def _from_avcc(extradata: bytes) -> ParameterSets:
    if len(extradata) < 7:
        raise AvcError("the avcC box is too short")
    at = 6
    groups: list[tuple[bytes, ...]] = []
    for count in (extradata[5] & 31, -1):
        if count < 0:
            if at >= len(extradata):
                raise AvcError("the avcC box breaks off")
            count, at = extradata[at], at + 1
        units = []
        for _ in range(count):
            size = int.from_bytes(extradata[at:at + 2], "big")
            unit = extradata[at + 2:at + 2 + size]
            if len(unit) != size or not unit:
                raise AvcError("the avcC box breaks off")
            units.append(unit)
            at += 2 + size
        groups.append(tuple(units))
    if not groups[0] or not groups[1]:
        raise AvcError("no parameter sets in the avcC box")
    return ParameterSets(groups[0], groups[1], (extradata[4] & 3) + 1)


def avcc(*sets: ParameterSets, bits: int = 8) -> bytes:
    """An avcC box with the parameter sets of several encodings, lengths of four bytes, samples of so many bits."""
    sps = [unit for one in sets for unit in one.sps]
    pps = [unit for one in sets for unit in one.pps]
    highest = max(sps, key=lambda unit: (unit[1], unit[3]))
    out = bytearray([1, highest[1], highest[2], max(unit[3] for unit in sps), 0xFF, 0xE0 | len(sps)])
    for unit in sps:
        out += len(unit).to_bytes(2, "big") + unit
    out.append(len(pps))
    for unit in pps:
        out += len(unit).to_bytes(2, "big") + unit
    if highest[1] in (100, 110, 122, 144, 244):
        out += bytes([0xFC | 1, 0xF8 | bits - 8, 0xF8 | bits - 8, 0])
    return bytes(out)


def unit_type(unit: bytes) -> int:
    """nal_unit_type."""
    return unit[0] & 31 if unit else 0


def annex_b_units(data: bytes) -> Iterator[bytes]:
    """Units between start codes."""
    at = data.find(b"\0\0\1")
    while at >= 0:
        following = data.find(b"\0\0\1", at + 3)
        unit = data[at + 3:following if following >= 0 else len(data)]
        unit = unit.rstrip(b"\0") if following >= 0 else unit
        if unit:
            yield unit
        at = following


def units(packet: bytes, length_size: int) -> list[bytes]:
    """Units of one packet.

    Raises:
        AvcError: lengths that do not add up.
    """
    if length_size == 0:
        return list(annex_b_units(packet))
    found, at = [], 0
    while at + length_size <= len(packet):
        size = int.from_bytes(packet[at:at + length_size], "big")
        at += length_size
        if size == 0 or at + size > len(packet):
            raise AvcError("a unit reaches beyond its packet")
        found.append(packet[at:at + size])
        at += size
    return found


def join(parts: list[bytes]) -> bytes:
    """Units with lengths of four bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in parts)


def set_number(unit: bytes) -> int:
    """seq_parameter_set_id or pic_parameter_set_id of a parameter set."""
    start = 4 if unit_type(unit) == SPS else 1
    bits = "".join(f"{byte:08b}" for byte in unit[start:start + 8])
    zeros = len(bits) - len(bits.lstrip("0"))
    if zeros * 2 + 1 > len(bits):
        raise AvcError("a parameter set without a number")
    return int(bits[zeros:2 * zeros + 1], 2) - 1


def free_number(sets: ParameterSets) -> int:
    """A number that neither the sequence nor the picture parameter sets use.

    Raises:
        AvcError: all are taken.
    """
    used = {set_number(unit) for unit in (*sets.sps, *sets.pps)}
    free = next((number for number in range(1, 32) if number not in used), None)
    if free is None:
        raise AvcError("all parameter set numbers are taken")
    return free
