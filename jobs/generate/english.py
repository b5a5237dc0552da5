"""English as it is said: numbers, and the rules that find them in a text."""

import re
from collections.abc import Callable
from types import MappingProxyType

from jobs.generate.normalise import Rules

UNITS = MappingProxyType({
    "℃": "degrees Celsius", "°C": "degrees Celsius", "℉": "degrees Fahrenheit", "°F": "degrees Fahrenheit", "°": "degrees",
    "km/h": "kilometres per hour", "kph": "kilometres per hour", "mph": "miles per hour", "m/s": "metres per second", "km²": "square kilometres",
    "km2": "square kilometres", "km": "kilometres", "cm": "centimetres", "mm": "millimetres", "m²": "square metres", "m2": "square metres",
    "sq m": "square metres", "m³": "cubic metres", "m3": "cubic metres", "m": "metres", "kg": "kilograms", "g": "grams", "mg": "milligrams", "t": "tonnes",
    "ml": "millilitres", "mL": "millilitres", "L": "litres", "h": "hours", "hrs": "hours", "hr": "hours", "min": "minutes", "mins": "minutes",
    "s": "seconds", "secs": "seconds", "sec": "seconds", "ms": "milliseconds", "TB": "terabytes", "GB": "gigabytes", "MB": "megabytes",
    "KB": "kilobytes", "GHz": "gigahertz", "MHz": "megahertz", "kHz": "kilohertz", "Hz": "hertz", "kWh": "kilowatt hours", "kW": "kilowatts", "W": "watts",
    "V": "volts", "dB": "decibels", "px": "pixels", "fps": "frames per second", "rpm": "revolutions per minute", "ft²": "square feet",
    "sq ft": "square feet", "ft": "feet", "yd": "yards", "mi": "miles", "lbs": "pounds", "lb": "pounds", "oz": "ounces",
})
MONEY = MappingProxyType({"US$": "US dollars", "HK$": "Hong Kong dollars", "$": "dollars", "€": "euros", "£": "pounds", "¥": "yuan", "₹": "rupees",
                          "₽": "roubles", "₩": "won"})
CODES = MappingProxyType({"USD": "US dollars", "EUR": "euros", "GBP": "pounds", "CNY": "yuan", "RMB": "yuan", "JPY": "yen"})
SIZES = MappingProxyType({"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "tn": "trillion", "thousand": "thousand",
                          "million": "million", "billion": "billion", "trillion": "trillion"})
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = MappingProxyType({
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
})
_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]
_SHORT_MONTHS = {m[:3]: m for m in _MONTHS} | {"Sept": "September"}
_SHORT = MappingProxyType({
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "vs": "versus", "approx.": "approximately", "w/": "with",
    "w/o": "without", "Ave.": "Avenue", "Blvd.": "Boulevard",
})
_ROMAN = {"I": 1, "V": 5, "X": 10}
_N = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+)(?:\.\d+)?"
"""A comma belongs to a number between groups of three digits, or of two and then three as in India; rooms 1,2,3 are three."""
_TO = r"\s*(?:-|~|–|—)\s*"


def number(word: str) -> str:
    """`"1203.5"` -> one thousand two hundred and three point five; more than 15 digits are read one by one."""
    whole, _, part = word.replace(",", "").partition(".")
    tail = f" point {digits(part)}" if part else ""
    if len(whole) > 15 or (len(whole) > 1 and int(whole[0]) == 0):
        return digits(whole) + tail
    return _whole(int(whole or "0")) + tail


def _whole(value: int) -> str:
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if value >= size:
            rest = value % size
            joint = " and " if rest < 100 else " "
            return f"{_whole(value // size)} {name}" + (joint + _whole(rest) if rest else "")
    if value >= 100:
        return f"{_ONES[value // 100]} hundred" + (f" and {_whole(value % 100)}" if value % 100 else "")
    if value >= 20:
        return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")
    return _ONES[value]


def digits(word: str) -> str:
    """`"555-1234"` -> five five five, one two three four."""
    return ", ".join(" ".join(_ONES[int(c)] for c in group) for group in re.findall(r"\d+", word))


def signed(word: str) -> str:
    """Likewise with a minus in front."""
    return "minus " + number(word[1:]) if word.startswith("-") else number(word)


def year(value: int) -> str:
    """2026 -> twenty twenty-six, 1900 -> nineteen hundred, 2005 -> two thousand and five."""
    high, low = divmod(value, 100)
    if value % 1000 < 10 or value < 1000:
        return _whole(value)
    if not low:
        return f"{_whole(high)} hundred"
    return f"{_whole(high)} {'oh ' if low < 10 else ''}{_whole(low)}"


def ordinal(value: int) -> str:
    """21 -> twenty-first."""
    words = _whole(value)
    head, joint, last = words.rpartition("-" if "-" in words.rpartition(" ")[2] else " ")
    return head + joint + _ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")


def _many(words: str) -> str:
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _one(name: str) -> str:
    head, space, last = name.partition(" ") if " per " in name or name.startswith("degrees") else ("", "", name)
    first = head or last.rpartition(" ")[2]
    single = {"feet": "foot", "hertz": "hertz"}.get(first, first.removesuffix("s"))
    return single + space + last if head else last.removesuffix(first) + single


def _date(month: int, day: int, year_: str | None) -> str:
    return f"{_MONTHS[month - 1]} {ordinal(day)}" + (f", {year(int(year_))}" if year_ else "")


def _numeric(m: re.Match[str]) -> str:
    """11/26/2026 as in America, 26/11/2026 as elsewhere."""
    first, second = int(m[1]), int(m[2])
    month, day = (first, second) if first <= 12 else (second, first)
    return _date(month, day, m[3]) if 1 <= month <= 12 and 1 <= day <= 31 else m[0]


def _iso(m: re.Match[str]) -> str:
    return _date(int(m[2]), int(m[3]), m[1]) if 1 <= int(m[2]) <= 12 and 1 <= int(m[3]) <= 31 else m[0]


def _day_month(m: re.Match[str]) -> str:
    month = _SHORT_MONTHS.get(m[3], m[3])
    return f"{'' if m[1] else 'the '}{ordinal(int(m[2]))} of {month}".replace("the the", "the") if int(m[2]) else m[0]


def _clock(hour: str, minute: str, half: str | None) -> str:
    named = f" {half[0].upper()} M" if half else ""
    tail = "" if half else " o'clock"
    tail = tail if not int(minute) else f" oh {_ONES[int(minute)]}" if int(minute) < 10 else f" {_whole(int(minute))}"
    return f"{_whole(int(hour))}{tail}{named}"


def _time(m: re.Match[str]) -> str:
    seconds = f" and {number(m[3])} seconds" if m[3] else ""
    return _clock(m[1], m[2], m[4]) + seconds


def _money(name: str) -> Callable[[re.Match[str]], str]:
    def say(m: re.Match[str]) -> str:
        least, amount, size = m[1], m[2], m[3]
        most = f"{number(least)} to " if least else ""
        if size:
            return f"{most}{number(amount)} {SIZES[size.lower()]} {name}"
        whole, _, cents = amount.partition(".")
        if len(cents) != 2 or name == "yuan":
            return f"{most}{number(amount)} {name if amount != '1' or least else _one(name)}"
        coin = ("penny" if cents == "01" else "pence") if name == "pounds" else "cent" if cents == "01" else "cents"
        parts = [f"{number(whole)} {name if whole != '1' else _one(name)}"] if int(whole.replace(",", "")) else []
        parts += [f"{number(str(int(cents)))} {coin}"] if int(cents) else []
        return most + (" and ".join(parts) or f"zero {name}")

    return say


def _unit(m: re.Match[str]) -> str:
    least, amount, joint, name = m[1], m[2], m[3], UNITS[m[4]]
    said = f"{signed(least)} to {signed(amount)}" if least else signed(amount)
    return f"{said}{'-' if joint == '-' else ' '}{_one(name) if joint == '-' or (amount == '1' and not least) else name}"


def _fraction(m: re.Match[str]) -> str:
    above, below = int(m[2]), int(m[3])
    if not 0 < above < below <= 100:
        return f"{m[1] + ' ' if m[1] else ''}{number(m[2])} {number(m[3])}"
    part = {2: "half", 4: "quarter"}.get(below) or ordinal(below)
    said = f"{number(m[2])} {part if above == 1 else _many(part) if part != 'half' else 'halves'}"
    return f"{number(m[1])} and {said}" if m[1] else said


def _roman(word: str) -> int:
    values = [_ROMAN[c] for c in word]
    return sum(-v if i + 1 < len(values) and v < values[i + 1] else v for i, v in enumerate(values))


def _year(m: re.Match[str]) -> str:
    """1945 and 2026 are years; so are 1066 behind "in", and not 1500 before a plural."""
    return year(int(m[2])) if m[1] or not m[3] else f"{number(m[2])}"


def _comparison(m: re.Match[str]) -> str:
    words = {"<": "less than", ">": "more than", "≤": "at most", "≥": "at least", "≈": "about", "~": "about", "±": "plus or minus"}
    return f" {words[m[1]]} "


def _letters(m: re.Match[str]) -> str:
    return " ".join(m[0].replace(".", ""))


_UNIT = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
_MONTH = "|".join([*_MONTHS, *_SHORT_MONTHS])
_SIZE = "|".join(sorted(SIZES, key=len, reverse=True))
_HALF = r"(?:\s*([AaPp])\.?\s?[Mm]\b\.?)"
_CLOCK = r"([01]?\d|2[0-4]):([0-5]\d)"
_PHONE = r"(?:\+\d{1,3}[ .-]?)?(?:\(\d{3}\)\s?|(?<![\d-])(?:1[ -])?\d{3}[ .-])\d{3}[ .-]\d{4}(?!\d)"
ENGLISH: Rules = (
    (re.compile(r"(?<![\w/])(?:e\.g\.|i\.e\.|etc\.|vs\.|vs\b|approx\.|w/o\b|w/(?=\s)|Ave\.|Blvd\.)"), lambda m: _SHORT[m[0]]),
    (re.compile(r"\b(?:No\.|no\.|#)\s?(?=\d)|#(?=\d)"), lambda m: "number "),
    (re.compile(r"(?<=[A-Za-z])\+\+"), lambda m: " plus plus"),
    (re.compile(r"\b([CF])#"), lambda m: f"{m[1]} sharp"),
    (re.compile(r"\b(?:[A-Z]\.){2,}"), _letters),
    (re.compile(r"(\w)@(\w[\w-]*)\.(\w+)\b"), lambda m: f"{m[1]} at {m[2]} dot {m[3]}"),
    (re.compile(r"@(?=\w)"), lambda m: "at "),
    # telephone numbers and others that only name
    (re.compile(_PHONE), lambda m: digits(m[0])),
    (re.compile(r"(?<![\d-])\d{3}-\d{4}(?![\d-])"), lambda m: digits(m[0])),
    (re.compile(r"(?i)\b((?:call|dial|dialled|phone|pin|code)\s)(\d{3,6})\b"), lambda m: m[1] + digits(m[2])),
    (re.compile(r"(?i)(?<![A-Za-z])v(?=\d+\.\d)"), lambda m: "version "),
    (re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?!\d)"), lambda m: " point ".join(number(p) for p in m[0].split("."))),
    # dates
    (re.compile(r"(?<!\d)(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)"), _iso),
    (re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\d/])"), _numeric),
    (re.compile(rf"\b(the\s)?(\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?({_MONTH})\b\.?,?(?=\s|$|[.!?;,])"), lambda m: (m[1] or "") + _day_month(m)),
    (re.compile(rf"\b({_MONTH})\.?\s(\d{{1,2}}){_TO}(?=\d{{1,2}}\b)"), lambda m: f"{m[1]} {m[2]} to {m[1]} "),
    (re.compile(rf"\b({_MONTH})\.?\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:%])"),
     lambda m: f"{_SHORT_MONTHS.get(m[1], m[1])} {ordinal(int(m[2])) if int(m[2]) else number(m[2])}"),
    (re.compile(r"(?<=[a-z])-(?=\d{1,2}(?:st|nd|rd|th)\b)"), lambda m: " to "),
    (re.compile(r"\b9/11\b"), lambda m: "nine eleven"),
    (re.compile(r"\b24/7\b"), lambda m: "twenty-four seven"),
    (re.compile(r"\b(\d{1,4})(st|nd|rd|th)(\sSt\.)?(?![A-Za-z])"), lambda m: ordinal(int(m[1])) + (" Street" if m[3] else "")),
    (re.compile(r"\b(1[1-9]\d|20\d)0s\b"), lambda m: _many(year(int(m[1] + "0")))),
    (re.compile(r"['’]?\b([1-9])0s\b(?!\sof)"), lambda m: _many(_TENS[int(m[1])])),
    (re.compile(r"\b(10{2,6})s\b"), lambda m: _many(number(m[1]).removeprefix("one "))),
    # times
    (re.compile(rf"(?<!\d){_CLOCK}{_HALF}?{_TO}(?={_CLOCK}|\d{{1,2}}{_HALF})"), lambda m: f"{_clock(m[1], m[2], m[3])} to "),
    (re.compile(rf"(?<![\d:.])(\d{{1,2}}){_HALF}{_TO}(?=\d)"), lambda m: f"{_clock(m[1], '0', m[2])} to "),
    (re.compile(rf"(?<![\d:]){_CLOCK}(?::([0-5]\d))?{_HALF}?(?![\d:])"), _time),
    (re.compile(rf"(?<![\d:.])(\d{{1,2}})\.([0-5]\d){_HALF}"), lambda m: _clock(m[1], m[2], m[3])),
    (re.compile(rf"(?<![\d:.])(\d{{1,2}}){_TO}(\d{{1,2}}){_HALF}"), lambda m: f"{number(m[1])} to {_clock(m[2], '0', m[3])}"),
    (re.compile(rf"(?<![\d:.])(\d{{1,2}}){_HALF}"), lambda m: _clock(m[1], "0", m[2])),
    (re.compile(r"(?<=\d)\s?:\s?(?=\d)"), lambda m: " to "),
    # amounts
    (re.compile(r"(?:(?<=\d)|(?<=\d[kMB])|(?<=illion))/(?=[A-Za-z]{2})"), lambda m: " per "),
    (re.compile(rf"((?<![\d\w])-?{_N})%?(?:{_TO})({_N})\s*%"), lambda m: f"{signed(m[1])} to {number(m[2])} percent"),
    (re.compile(rf"((?<![\d\w])-?{_N}|{_N})\s*%"), lambda m: signed(m[1]) + " percent"),
    *((re.compile(rf"{re.escape(sign)}\s*(?:({_N}){_TO}(?:{re.escape(sign)})?)?({_N})(?:\s?((?i:{_SIZE}))\b)?"), _money(name))
      for sign, name in MONEY.items()),
    (re.compile(rf"({_N})\s?({'|'.join(CODES)})\b"), lambda m: f"{number(m[1])} {CODES[m[2]] if m[1] != '1' else _one(CODES[m[2]])}"),
    (re.compile(rf"({_N})¢"), lambda m: f"{number(m[1])} {'cent' if m[1] == '1' else 'cents'}"),
    (re.compile(r"\b(\d+)\s?ft\.?\s(\d+)\s?in\b\.?"), lambda m: f"{number(m[1])} feet {number(m[2])} {'inch' if m[2] == '1' else 'inches'}"),
    (re.compile(r"\b(\d)'\s?(\d{1,2})\"?"), lambda m: f"{_ONES[int(m[1])]} foot {number(m[2])}"),
    (re.compile(r"(?<=\d)\s(?=\d{3}\s\d{3}(?!\d))|(?<=\d \d{3})\s(?=\d{3}(?!\d))"), lambda m: ","),
    (re.compile(rf"(?:((?<![\w-])-?{_N}){_TO})?((?<![\w-])-?{_N}|(?<=[-~–—]){_N})(\s*|-)({_UNIT})(?![A-Za-z])"), _unit),
    (re.compile(r"(?<![\d/])(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])"), _fraction),
    (re.compile(rf"(?<![A-Za-z\d])({_N})(k|M|B)(?![A-Za-z])(?=\s[a-z]|[.,;!?]|$)"), lambda m: f"{number(m[1])} {SIZES[m[2].lower()]}"),
    # names with numbers
    (re.compile(r"\b(\d{1,2})(\d{2})(?=p\b)"), lambda m: f"{number(m[1])} {number(m[2])} "),
    (re.compile(r"\b([A-Z]{2})(\d{3,4})\b"), lambda m: f"{m[1]} {digits(m[2])}"),
    (re.compile(r"\b(Chapter|Part|Act|Volume|Book|War|Section|Phase|Level|Type|Class|Episode|Season)\s([IVX]+)\b"),
     lambda m: f"{m[1]} {number(str(_roman(m[2])))}"),
    (re.compile(r"\b([A-Z][a-z]+)\s(II|III|IV|VI{1,3}|IX|X[IV]+|XX?[IV]*)(?![\w.])(?<!\sX)"), lambda m: f"{m[1]} the {ordinal(_roman(m[2]))}"),
    # reckoning
    (re.compile(r"(?<=\d)\s*[×*]\s*(?=\d)|(?<=\d)\s[xX]\s(?=\d)"), lambda m: " times " if "=" in m.string else " by "),
    (re.compile(r"(?<=\d)[xX](?=\d)"), lambda m: " by "),
    (re.compile(r"(?<=\d)\s*÷\s*(?=\d)"), lambda m: " divided by "),
    (re.compile(r"(?<=\d)\s*-\s*(?=\d[\d.,]*\s*=)"), lambda m: " minus "),
    (re.compile(r"(?<=[\w)])\s*(?:\^2|²)"), lambda m: " squared"),
    (re.compile(r"(?<=[\w)])\s*(?:\^3|³)"), lambda m: " cubed"),
    (re.compile(r"\s*([<>≤≥≈~±])\s*(?=\d)"), _comparison),
    # ranges, years and what is left
    (re.compile(rf"(?<![\w-])({_N}){_TO}(?=\d)"), lambda m: f"{m[1]} to "),
    (re.compile(r"\b((?:[Ii]n|[Bb]y|[Ss]ince|[Uu]ntil|[Ff]rom|[Bb]efore|[Aa]fter|[Dd]uring|[Yy]ear|[Oo]f)\s)?(1[1-9]\d\d|20\d\d|(?<=[Ii]n )10\d\d)\b(?![,.]\d)"
                r"(\s(?:people|men|women|children|[a-z]{3,}s)\b)?"), lambda m: f"{m[1] or ''}{_year(m)}{m[3] or ''}"),
    (re.compile(r"(?<=[A-Za-z])-(?=\d)"), lambda m: " "),
    (re.compile(rf"(?<![\w)-])-({_N})"), lambda m: "minus " + number(m[1])),
    (re.compile(r"(?<![\d\w])\.(\d+)"), lambda m: "zero point " + digits(m[1])),
    (re.compile(r"(?<=[A-Za-z])(?=\d)"), lambda m: " "),
    (re.compile(rf"({_N})([A-Za-z]?)"), lambda m: number(m[1]) + (f" {m[2]}" if m[2] else "")),
    (re.compile(r"(?<=[a-z]),(?=[a-z])"), lambda m: ", "),
    (re.compile(r"\s*&\s*"), lambda m: " and "),
    (re.compile(r"\s*\+\s*"), lambda m: " plus "),
    (re.compile(r"\s*=\s*"), lambda m: " equals "),
    (re.compile(r"\band/or\b"), lambda m: "and or"),
    (re.compile(r"(?<=[a-z]{2})/(?=[a-z]{2})"), lambda m: " or "),
)
