"""Writes out what a voice would read wrong: numbers, years, dates, times, percent, units and currency, in Chinese and English.

Only what is spoken is changed; subtitles show the text as it was written. espeak-ng on its own reads "2026年" as a count,
drops "℃" and says "%" in English in the middle of Chinese.
"""

import re
from collections.abc import Callable
from types import MappingProxyType

_DIGITS, _PLACES, _GROUPS = "零一二三四五六七八九", ("", "十", "百", "千"), ("", "万", "亿", "万亿")
_UNITS_ZH = MappingProxyType({
    "℃": "摄氏度", "°C": "摄氏度", "℉": "华氏度", "°F": "华氏度", "°": "度", "km/h": "公里每小时", "km²": "平方公里",
    "km": "公里", "cm": "厘米", "mm": "毫米", "m²": "平方米", "m": "米", "kg": "公斤", "g": "克", "mg": "毫克",
    "t": "吨", "ml": "毫升", "mL": "毫升", "L": "升", "h": "小时", "min": "分钟", "s": "秒", "ms": "毫秒",
    "GB": "吉字节", "MB": "兆字节", "Hz": "赫兹", "kHz": "千赫兹", "W": "瓦", "kW": "千瓦",
})
_UNITS_EN = MappingProxyType({
    "℃": "degrees Celsius", "°C": "degrees Celsius", "℉": "degrees Fahrenheit", "°F": "degrees Fahrenheit",
    "°": "degrees", "km/h": "kilometres per hour", "mph": "miles per hour", "km²": "square kilometres",
    "km": "kilometres", "cm": "centimetres", "mm": "millimetres", "m²": "square metres", "m": "metres",
    "kg": "kilograms", "g": "grams", "mg": "milligrams", "t": "tonnes", "ml": "millilitres", "mL": "millilitres",
    "L": "litres", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "GB": "gigabytes",
    "MB": "megabytes", "Hz": "hertz", "kHz": "kilohertz", "W": "watts", "kW": "kilowatts", "ft": "feet",
    "lb": "pounds",
})
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
_NUMBER = r"\d[\d,]*(?:\.\d+)?"


def spoken(text: str, lang: str) -> str:
    """The text as a voice of that language should be given it; other languages than zh, yue and en are returned as they are."""
    text = re.sub(r"[*_`#|<>{}\[\]\\^]+|~~", " ", text)
    if lang in ("zh", "yue"):
        return _apply(_CHINESE, text)
    if lang == "en":
        return re.sub(r"\s+", " ", _apply(_ENGLISH, text)).strip()
    return text


def _apply(rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...], text: str) -> str:
    for pattern, say in rules:
        text = pattern.sub(say, text)
    return text


# ---- Chinese


def chinese_number(word: str) -> str:
    """`"10203.5"` -> 一万零二百零三点五; more than 16 digits are read one by one."""
    whole, _, part = word.replace(",", "").partition(".")
    spoken_part = "点" + chinese_digits(part) if part else ""
    if len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        return chinese_digits(whole) + spoken_part
    groups = [whole[max(0, i - 4):i] for i in range(len(whole), 0, -4)]
    said = ""
    for power in reversed(range(len(groups))):
        value = int(groups[power])
        if value:
            gap = said and value < 1000
            said += ("零" if gap else "") + _chinese_group(value, first=not said) + _GROUPS[power]
    return (said or "零") + spoken_part


def _chinese_group(value: int, *, first: bool) -> str:
    said, zero = "", False
    for place in (3, 2, 1, 0):
        digit = value // 10**place % 10
        if not digit:
            zero = bool(said)
            continue
        ten = first and not said and place == 1 and digit == 1
        said += ("零" if zero else "") + ("" if ten else _DIGITS[digit]) + _PLACES[place]
        zero = False
    return said


def chinese_digits(word: str) -> str:
    """`"2026"` -> 二零二六."""
    return "".join(_DIGITS[int(c)] for c in word if c.isdigit())


def _date_zh(m: re.Match[str]) -> str:
    return f"{chinese_digits(m[1])}年{chinese_number(str(int(m[2])))}月{chinese_number(str(int(m[3])))}日"


def _time_zh(m: re.Match[str]) -> str:
    minute = int(m[2])
    tail = "整" if not minute else f"{'零' if minute < 10 else ''}{chinese_number(str(minute))}分"
    return f"{chinese_number(str(int(m[1])))}点{tail}"


def _signed_zh(word: str) -> str:
    return "负" + chinese_number(word[1:]) if word.startswith(("-", "−")) else chinese_number(word)


def _count_zh(m: re.Match[str]) -> str:
    word = "两" if m[1] == "2" else chinese_number(m[1])
    return word + m[2]


_UNIT_ZH = "|".join(re.escape(u) for u in sorted(_UNITS_ZH, key=len, reverse=True))
_CHINESE = (
    (re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)"), _date_zh),
    (re.compile(r"(?<!\d)(\d{4}|\d{2})(?=年(?!以|前|后|来|间|内))"), lambda m: chinese_digits(m[1])),
    (re.compile(r"(?<!\d)(\d{1,2})[:：](\d{2})(?!\d)"), _time_zh),
    (re.compile(rf"([-−]?{_NUMBER})\s*[%％]"), lambda m: "百分之" + _signed_zh(m[1])),
    (re.compile(rf"[¥￥]\s*({_NUMBER})"), lambda m: chinese_number(m[1]) + "元"),
    (re.compile(rf"\$\s*({_NUMBER})"), lambda m: chinese_number(m[1]) + "美元"),
    (re.compile(rf"([-−]?{_NUMBER})\s*({_UNIT_ZH})(?![A-Za-z])"), lambda m: _signed_zh(m[1]) + _UNITS_ZH[m[2]]),
    (re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{7,}(?=号))"), lambda m: chinese_digits(m[1])),
    (re.compile(rf"({_NUMBER})\s*[-~–—至]\s*(?=\d)"), lambda m: chinese_number(m[1]) + "到"),
    (re.compile(r"(?<![\d.,])(\d+)([个只条位次天年本张座头名间件块杯瓶辆家])"), _count_zh),
    (re.compile(rf"(?<![\w-])[-−]({_NUMBER})"), lambda m: "负" + chinese_number(m[1])),
    (re.compile(_NUMBER), lambda m: chinese_number(m[0])),
    (re.compile(r"\s*\+\s*"), lambda m: "加"),
    (re.compile(r"\s*=\s*"), lambda m: "等于"),
    (re.compile(r"\s*&\s*"), lambda m: "和"),
)


# ---- English


def english_number(word: str) -> str:
    """`"1203.5"` -> one thousand two hundred and three point five; more than 15 digits are read one by one."""
    whole, _, part = word.replace(",", "").partition(".")
    tail = " point " + " ".join(_ONES[int(c)] for c in part) if part else ""
    if len(whole) > 15 or (len(whole) > 1 and whole[0] == "0"):
        return " ".join(_ONES[int(c)] for c in whole) + tail
    return _english_whole(int(whole or "0")) + tail


def _english_whole(value: int) -> str:
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if value >= size:
            rest = value % size
            joint = " and " if rest < 100 else " "
            return f"{_english_whole(value // size)} {name}" + (joint + _english_whole(rest) if rest else "")
    if value >= 100:
        return f"{_ONES[value // 100]} hundred" + (f" and {_english_whole(value % 100)}" if value % 100 else "")
    if value >= 20:
        return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")
    return _ONES[value]


def english_year(value: int) -> str:
    """2026 -> twenty twenty-six, 1900 -> nineteen hundred, 2005 -> two thousand and five."""
    high, low = divmod(value, 100)
    if value % 1000 < 10:
        return _english_whole(value)
    if not low:
        return f"{_english_whole(high)} hundred"
    return f"{_english_whole(high)} {'oh ' if low < 10 else ''}{_english_whole(low)}"


def english_ordinal(value: int) -> str:
    """21 -> twenty-first."""
    words = _english_whole(value)
    head, joint, last = words.rpartition("-" if "-" in words.rpartition(" ")[2] else " ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return head + joint + last


def _date_en(year: str, month: str, day: str) -> str:
    if not 1 <= int(month) <= 12:
        return f"{year} {month} {day}"
    return f"{_MONTHS[int(month) - 1]} {english_ordinal(int(day))}, {english_year(int(year))}"


def _time_en(m: re.Match[str]) -> str:
    hour, minute = int(m[1]), int(m[2])
    tail = "o'clock" if not minute else f"oh {_ONES[minute]}" if minute < 10 else _english_whole(minute)
    return f"{_english_whole(hour)} {tail}"


def _unit_en(m: re.Match[str]) -> str:
    name = _UNITS_EN[m[2]]
    one = m[1] == "1"
    return f"{_signed_en(m[1])} {(_singular(name) if one else name)}"


def _singular(name: str) -> str:
    first, space, rest = name.partition(" ")
    known = {"feet": "foot", "hertz": "hertz"}
    return known.get(first, first.removesuffix("s")) + space + rest


def _money_en(name: str) -> Callable[[re.Match[str]], str]:
    def say(m: re.Match[str]) -> str:
        whole, _, cents = m[1].partition(".")
        said = f"{english_number(whole)} {name if whole != '1' else name.removesuffix('s')}"
        return said + (f" {english_number(str(int(cents)))}" if cents and int(cents) else "")

    return say


def _signed_en(word: str) -> str:
    return "minus " + english_number(word[1:]) if word.startswith(("-", "−")) else english_number(word)


_UNIT_EN = "|".join(re.escape(u) for u in sorted(_UNITS_EN, key=len, reverse=True))
_MONTH = "|".join(_MONTHS)
_ENGLISH = (
    (re.compile(r"(?<!\d)(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)"), lambda m: _date_en(m[1], m[2], m[3])),
    (re.compile(rf"\b({_MONTH}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)"), lambda m: f"{m[1]} {english_ordinal(int(m[2]))}"),
    (re.compile(r"\b(\d{1,4})(?:st|nd|rd|th)\b"), lambda m: english_ordinal(int(m[1]))),
    (re.compile(r"\b(\d{3})0s\b"), lambda m: english_year(int(m[1] + "0")).removesuffix("y") + "ies"),
    (re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)"), _time_en),
    (re.compile(rf"([-−]?{_NUMBER})\s*%"), lambda m: _signed_en(m[1]) + " percent"),
    (re.compile(rf"\$\s*({_NUMBER})"), _money_en("dollars")),
    (re.compile(rf"€\s*({_NUMBER})"), _money_en("euros")),
    (re.compile(rf"£\s*({_NUMBER})"), _money_en("pounds")),
    (re.compile(rf"[¥￥]\s*({_NUMBER})"), _money_en("yuan")),
    (re.compile(rf"((?<![\w-])[-−]?{_NUMBER})\s*({_UNIT_EN})(?![A-Za-z])"), _unit_en),
    (re.compile(r"\b(1[1-9]\d\d|20\d\d)\b(?![,.]\d)"), lambda m: english_year(int(m[1]))),
    (re.compile(rf"({_NUMBER})\s*[-–~]\s*(?=\d)"), lambda m: english_number(m[1]) + " to "),
    (re.compile(rf"(?<![\w-])[-−]({_NUMBER})"), lambda m: "minus " + english_number(m[1])),
    (re.compile(_NUMBER), lambda m: english_number(m[0].rstrip(","))+ ("," if m[0].endswith(",") else "")),
    (re.compile(r"\s*&\s*"), lambda m: " and "),
    (re.compile(r"\s*\+\s*(?=\w)"), lambda m: " plus "),
    (re.compile(r"\s*=\s*"), lambda m: " equals "),
)
