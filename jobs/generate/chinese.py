"""Chinese as it is said: numbers, and the rules that find them in a text."""

import re
from types import MappingProxyType

from jobs.generate.normalise import Rules

_DIGITS, _PLACES, _GROUPS = "零一二三四五六七八九", ("", "十", "百", "千"), ("", "万", "亿", "万亿")
UNITS = MappingProxyType({
    "℃": "摄氏度", "°C": "摄氏度", "℉": "华氏度", "°F": "华氏度", "°": "度", "km/h": "公里每小时", "m/s": "米每秒", "km²": "平方公里", "km2": "平方公里",
    "km": "公里", "cm²": "平方厘米", "cm": "厘米", "mm": "毫米", "m²": "平方米", "m2": "平方米", "m³": "立方米", "m3": "立方米", "m": "米",
    "kg": "公斤", "mg": "毫克", "g": "克", "t": "吨", "ml": "毫升", "mL": "毫升", "L": "升", "cc": "毫升", "h": "小时", "min": "分钟", "ms": "毫秒", "s": "秒",
    "TB": "太字节", "GB": "吉字节", "MB": "兆字节", "KB": "千字节", "GHz": "吉赫兹", "MHz": "兆赫兹", "kHz": "千赫兹", "Hz": "赫兹", "kWh": "千瓦时",
    "kW·h": "千瓦时", "mAh": "毫安时", "kW": "千瓦", "MW": "兆瓦", "W": "瓦", "V": "伏", "dB": "分贝", "px": "像素", "fps": "帧每秒",
})
MONEY = MappingProxyType({"¥": "元", "$": "美元", "US$": "美元", "HK$": "港元", "€": "欧元", "£": "英镑", "₩": "韩元", "₹": "卢比", "₽": "卢布"})
COUNTED = (
    "个個只隻条條位次天年本张張座头頭名间間件块塊杯瓶辆輛家人米倍岁歲周种種部台套双对對篇首句段片颗顆棵匹艘架把支根碗盘份群场場万萬亿億元小公"
)
"""What is counted with 两 and not with 二; 月, 号, 楼, 层 and the like are numbered."""
_N = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
"""A comma belongs to a number between groups of three digits; rooms 1,2,3 are three."""
_TO = r"\s*(?:-|~|–|—|至|到)\s*"


def number(word: str) -> str:
    """`"10203.5"` -> 一万零二百零三点五; more than 16 digits, and those with a leading zero, are read one by one."""
    whole, _, part = word.replace(",", "").partition(".")
    tail = "点" + digits(part) if part else ""
    if len(whole) > 16 or (len(whole) > 1 and int(whole[0]) == 0):
        return digits(whole) + tail
    groups = [whole[max(0, i - 4):i] for i in range(len(whole), 0, -4)]
    said, skipped = "", False
    for power in reversed(range(len(groups))):
        value = int(groups[power])
        if value:
            gap = said and (skipped or value < 1000)
            said += ("零" if gap else "") + _group(value, first=not said) + _GROUPS[power]
        skipped = not value
    return (re.sub("^二(?=[千万亿])", "两", said) or "零") + tail


def _group(value: int, *, first: bool) -> str:
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


def digits(word: str) -> str:
    """`"2026"` -> 二零二六; what is no digit is left out."""
    return "".join(_DIGITS[int(c)] for c in word if c.isdecimal())


def signed(word: str) -> str:
    """Likewise with a minus in front."""
    return "负" + number(word[1:]) if word.startswith("-") else number(word)


def counted(word: str) -> str:
    """A number before what it counts: 2 is 两."""
    return "两" if word == "2" else signed(word)


def _date(m: re.Match[str]) -> str:
    month, day = int(m[2]), int(m[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return m[0]
    return f"{digits(m[1])}年{number(str(month))}月{number(str(day))}日"


def _clock(hour: str, minute: str, second: str | None, *, whole: str = "整") -> str:
    tail = whole if not int(minute) and not second else f"{'零' if int(minute) < 10 else ''}{number(str(int(minute)))}分"
    return f"{counted(str(int(hour)))}点{tail}" + (f"{number(str(int(second)))}秒" if second else "")


def _time(m: re.Match[str]) -> str:
    return _clock(m[1], m[2], m[3]) if int(m[1]) <= 24 and int(m[2]) < 60 else f"{number(m[1])}比{number(m[2])}"


def _times(m: re.Match[str]) -> str:
    return f"{_clock(m[1], m[2], None, whole='')}到{_clock(m[3], m[4], None, whole='')}"


def _year(m: re.Match[str]) -> str:
    short = len(m[1]) == 2 and m[1][0] != "0" and int(m[1]) < 70
    return number(m[1]) if short else digits(m[1])


def _fraction(m: re.Match[str]) -> str:
    whole = f"{number(m[1])}又" if m[1] else ""
    if int(m[2]) < int(m[3]):
        return f"{whole}{number(m[3])}分之{number(m[2])}"
    return f"{m[1] or ''} {number(m[2])} {number(m[3])}"


def _dotted(m: re.Match[str]) -> str:
    return "点".join(digits(part) for part in m[0].split("."))


_UNIT = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
_MONEY = "|".join(re.escape(u) for u in sorted(MONEY, key=len, reverse=True))
_CLOCK = r"([01]?\d|2[0-4]):([0-5]\d)"
CHINESE: Rules = (
    (re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)"), _date),
    (re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}"), _dotted),
    # telephone numbers and others that only name
    (re.compile(r"(?:\+\s?86[\s-]?)?(?<!\d)1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)"), lambda m: digits(m[0])),
    (re.compile(r"(?<!\d)(?:0\d{2,3}-\d{7,8}|[48]00-?\d{3,4}-?\d{3,4})(?!\d)"), lambda m: digits(m[0])),
    (re.compile(r"((?:电话|電話|手机|热线|拨打|撥打|致电|号码|尾号|验证码|密码|邮编|房间号|QQ|门牌)(?:号|號|是|为|[:：])*\s*)(\d{3,}(?:-\d+)*)"),
     lambda m: m[1] + digits(m[2])),
    (re.compile(r"(?<=打)(11[09]|12[02]|12345)(?![\d,.]|\s*[分次个下环拳折米元])"), lambda m: digits(m[0])),
    (re.compile(r"(?<!\d)(\d{7,}(?=号|號)|\d{3,4}(?=房|室|号房))"), lambda m: digits(m[1])),
    (re.compile(r"(?<!\d)(\d)[.·](\d{1,2})(?=[\u4e00-\u9fff]{0,3}(?:节|節|晚会|事件|运动))"), lambda m: digits(m[1] + m[2])),
    (re.compile(r"(?<!\d)(618|911|315|520|1111)(?=[\u4e00-\u9fff]{0,2}(?:大促|购物|活动|年中|事件|晚会|表白|狂欢))"), lambda m: digits(m[1])),
    # years
    (re.compile(rf"(?<!\d)((?:1[5-9]|20)\d\d){_TO}((?:1[5-9]|20)\d\d)(?![\d.]|\s*[米元人个])"), lambda m: f"{digits(m[1])}到{digits(m[2])}"),
    (re.compile(r"(?<!\d)(\d0)(?=年代)"), lambda m: number(m[1])),
    (re.compile(r"(?<![\d第])(\d{4}|\d{2})(?=年(?!以|前|后|後|来|來|间|間|内|內|级))"), _year),
    (re.compile(r"(?<!\d)((?:19[5-9]|20[0-4])\d)(?=\s*(?:Q[1-4]|世界杯|奥运|春节|春晚|[春夏秋冬]季|新年|国庆|款|财年|赛季|版))"), lambda m: digits(m[1])),
    (re.compile(r"(?<!\d)(\d0)(?=(?:后|後)(?![天年月来來]))"), lambda m: digits(m[1])),
    # times, scores
    (re.compile(rf"(?<!\d){_CLOCK}{_TO}{_CLOCK}(?![\d:])"), _times),
    (re.compile(r"(?<![\d.:])(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?(?![\d:.])"), _time),
    (re.compile(rf"({_N})\s*[:：]\s*(?={_N})"), lambda m: number(m[1]) + "比"),
    # amounts
    (re.compile(rf"({_N})%?{_TO}({_N})\s*%"), lambda m: f"百分之{number(m[1])}到百分之{number(m[2])}"),
    (re.compile(rf"((?:(?<!\d)-)?{_N})\s*%"), lambda m: "百分之" + signed(m[1])),
    (re.compile(rf"({_MONEY})\s*(?:({_N}){_TO})?({_N})\s*([万亿]*)"),
     lambda m: (number(m[2]) + "到" if m[2] else "") + counted(m[3]) + m[4] + MONEY[m[1]]),
    (re.compile(r"(?<!\d)(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])"), _fraction),
    (re.compile(rf"(?<![\d.A-Za-z])((?:(?<![\d)])-)?{_N})\s*({_UNIT})?\s*(?:-|~|–|—)\s*(?=-?{_N}\s*(?:{_UNIT})(?![A-Za-z]))"),
     lambda m: (counted(m[1]) + UNITS[m[2]] if m[2] else signed(m[1])) + "到"),
    (re.compile(rf"((?:(?<![\dA-Za-z])-)?{_N})\s*({_UNIT})(?![A-Za-z])"), lambda m: counted(m[1]) + UNITS[m[2]]),
    (re.compile(r"(?<=[度里米厘克斤升元时分钟秒千万亿])\s*[-~–—]\s*(?=-?\d)"), lambda m: "到"),
    (re.compile(r"(?<=[里元米次人吨克升个])/(?=小时|天|日|年|月|人|平|秒|斤|公|kg|个|次)"), lambda m: "每"),
    (re.compile(r"(\d)米(\d{2})(?!\d)"), lambda m: f"{number(m[1])}米{digits(m[2])}"),
    (re.compile(r"(?<!\d)(\d{3,4})(?=[pP](?![A-Za-z]))"), lambda m: digits(m[1])),
    (re.compile(r"\b[Nn][Oo]\.\s?(\d+)"), lambda m: "第" + number(m[1])),
    # reckoning
    (re.compile(rf"({_N})\s*-\s*(?={_N}\s*=)"), lambda m: number(m[1]) + "减"),
    (re.compile(rf"({_N})\s*[×xX*]\s*(?={_N})"), lambda m: number(m[1]) + "乘"),
    (re.compile(rf"({_N})\s*÷\s*(?={_N})"), lambda m: number(m[1]) + "除以"),
    (re.compile(r"(?<=\d)²"), lambda m: "的平方"),
    (re.compile(r"(?<=\d)³"), lambda m: "的立方"),
    (re.compile(r"\s*(≥|≤|±|≈|≠)\s*"),
     lambda m: {"≥": "大于等于", "≤": "小于等于", "±": "正负", "≈": "约等于", "≠": "不等于"}[m[1]]),
    (re.compile(r"(?<=[\w\u4e00-\u9fff])\s*([<>])\s*(?=-?\d)"), lambda m: {"<": "小于", ">": "大于"}[m[1]]),
    (re.compile(rf"({_N})\+(?![\s\d])|({_N})\+$"), lambda m: number(m[1] or m[2]) + "多"),
    (re.compile(r"(?<=°|度)(\d+)'"), lambda m: number(m[1]) + "分"),
    # what is left
    (re.compile(rf"(?<![\dA-Za-z])(-?{_N})\s*(?:-|~|–|—|至)\s*(?=(\d))"), lambda m: signed(m[1]) + "到"),
    (re.compile(r"(?<=[A-Za-z])-(?=\d)"), lambda m: " "),
    (re.compile(rf"(?<![\d.,第A-Za-z-])(2)\s?(?=[{COUNTED}](?!级)|点|分钟|秒|层楼|刻钟)"), lambda m: "两"),
    (re.compile(rf"(?<![\w)-])-({_N})"), lambda m: "负" + number(m[1])),
    (re.compile(_N), lambda m: number(m[0])),
    (re.compile(r"(?<=[零一二三四五六七八九十百千万亿]),\s*"), lambda m: "，"),
    (re.compile(r"\s*\+\s*"), lambda m: "加"),
    (re.compile(r"\s*=\s*"), lambda m: "等于"),
    (re.compile(r"\s*&\s*"), lambda m: "和"),
    (re.compile(r"(?<=[\u4e00-\u9fff])/(?=[\u4e00-\u9fff])"), lambda m: "或"),
)
