"""Masks personal data in titles, captions, transcripts and texts before anything is stored, in English and Chinese.

What counts: e-mail addresses, identity numbers (GB 11643, with their check digit or where they are called so; passports and US social
security numbers where they are, other papers where they are called so), bank cards and accounts (ISO 7812 and ISO 13616, with their check digits or where they are called so),
wallets (base58 with its checksum, bech32, Ethereum), phone numbers, also with digits apart or in Chinese numerals, names and pages of
accounts, network addresses of machines, and postal addresses down to a house, where they are complete or said to be somebody's:
a street, a town or a sight alone stays, for a place is what a picture is of. What only looks like it stays: years, prices, time codes,
sizes, ISBNs, versions. A mask says what stood there, so that a text stays readable:
`<PHONE>`.
"""

import ipaddress
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {
    0x3000: 0x20, 0xA0: 0x20, 0x202F: 0x20, 0x205F: 0x20, 0x2010: 0x2D, 0x2011: 0x2D, 0x2013: 0x2D, 0x2212: 0x2D} | dict.fromkeys(range(0x2000, 0x200B), 0x20)
"""Full-width signs, blanks of other widths and strokes as plain ones, place by place, so that a span in the one is a span in the other."""
_SHAPED = {code: ord("0") + digit for code in range(0x80, 0x1FC00) if (digit := unicodedata.digit(chr(code), -1)) >= 0}
_IN_SHAPES = re.compile(rf"[{''.join(map(chr, _SHAPED))}](?:[ -]?[{''.join(map(chr, _SHAPED))}]){{6,}}")
"""Digits in circles, bold, raised or of other scripts, as many as a number has: one alone in a circle numbers what follows."""


@dataclass(frozen=True)
class _Kind:
    mask: str
    pattern: re.Pattern[str]
    holds: Callable[[re.Match[str]], bool] = lambda found: True
    signs: tuple[str, ...] = ()
    """The pattern is looked for only where one of these stands in the text, in small letters."""
    spelt: bool = False
    """Whether a number may be without a digit."""


def _luhn(found: re.Match[str]) -> bool:
    """Check digit of ISO 7812."""
    digits = [int(c) for c in found.group() if c.isdigit()]
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 1


def _iban(found: re.Match[str]) -> bool:
    """Check digits of ISO 13616."""
    sign = found.group().replace(" ", "")
    return 15 <= len(sign) <= 34 and int("".join(str(int(c, 36)) for c in sign[4:] + sign[:4])) % 97 == 1


_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))


def _citizen(match: re.Match[str]) -> bool:
    """Date of birth and check digit of GB 11643-1999."""
    found = re.sub("[ -]", "", match.group())
    try:
        born = date(int(found[6:10]), int(found[10:12]), int(found[12:14]))
    except ValueError:
        return False
    check = "10X98765432"[sum(w * int(c) for w, c in zip(_ID_WEIGHTS, found, strict=False)) % 11]
    return 1880 <= born.year <= 2100 and check == found[17].upper()


def _hong_kong(found: re.Match[str]) -> bool:
    """Check digit of Hong Kong identity cards: signs of 36, a blank before a single letter, weights 9 to 1, 0 modulo 11."""
    signs = re.sub(r"[()]", "", found.group()).rjust(9)
    return sum(w * (36 if c == " " else int(c, 36)) for w, c in zip(range(9, 0, -1), signs, strict=True)) % 11 == 0


_SOMEBODYS = re.compile(
    r"(?<![a-z])(?:(?:liv(?:e|es|ed|ing)|resid(?:e|es|ing)|stay(?:s|ing)?|moved|address(?: is)?|adresse|habite|(?:send|ship|mail|deliver)(?:ed|ped)?(?: \w+){0,2})"
    r"(?: (?:at|to|in|on|au))?:?|(?:home|house|flat|place|(?:come|post)(?:ed)?(?: \w+){0,2})(?: is|:| is at| at| to)) $", re.I)


def _home(found: re.Match[str]) -> bool:
    """A house with a flat or a postcode, or one that somebody is said to live at: not any house that has a number."""
    known = found.group("flat") or found.group("post") or not (found.group("hit")[0].isdigit() or found.group("hit").startswith("No"))
    if not (found.group("flat") or found.group("post")) and _MEASURED.match(found.group("hit")):
        return False  # so many miles and not a house
    return bool(known or _SOMEBODYS.search(found.string, max(0, found.start() - 40), found.start()))


def _base58(found: re.Match[str]) -> bool:
    """Checksum of Bitcoin and Tron addresses: the first bytes of SHA-256, twice."""
    value = 0
    for sign in found.group():
        value = value * 58 + _BASE58.index(sign)
    if value >= 1 << 200:
        return False
    whole = value.to_bytes(25, "big")
    return sha256(sha256(whole[:-4]).digest()).digest()[:4] == whole[-4:]


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _no_day(found: re.Match[str]) -> bool:
    """Digits that are not a day written as one number."""
    return not re.fullmatch(r"(?:19|20)\d\d[01]\d[0-3]\d", found.group("hit"))


_NO_ACCOUNTS = frozenset(
    ["wechat", "weixin", "douyin", "tiktok", "kuaishou", "weibo", "xiaohongshu", "bilibili", "zhihu", "douban", "alipay", "qq", "instagram", "twitter", "facebook", "youtube", "telegram", "whatsapp", "discord", "snapchat", "android", "iphone", "windows", "harmonyos", "official", "private", "public", "version", "online", "offline", "broken", "hacked", "locked", "banned", "closed", "deleted", "linked", "hidden", "boring", "growing", "getting", "always", "already", "another", "mostly", "currently", "really", "still", "there", "where", "below", "above", "empty", "suspended", "disabled", "deactivated", "verified", "business", "creator", "editor", "beta", "login", "search", "scan", "mini"])
"""Words that stand behind the name of a site and are nobody's."""


def _account(found: re.Match[str]) -> bool:
    """A word is an account where it was called one, where it has a sign that words lack, or where it is what somebody says his own to be."""
    hit = found.group("hit")
    if _YEARS.fullmatch(hit) or _NO_NAME.fullmatch(hit) or (found.group("named") is None and ":" not in found.group() and not _no_day(found)):
        return False
    if found.group("named") is not None or any(c.isdigit() or c in "_." for c in hit):
        return True
    his = _HIS.search(found.string, max(0, found.start() - 12), found.start())
    called = _CALLED.search(found.string, found.start(), found.start("hit")) and len(hit) >= 6 and not _GOES_ON.match(found.string, found.end("hit"))
    return bool(his or called) and len(hit) >= 5 and hit.lower() not in _NO_ACCOUNTS


_NO_NAME = re.compile(r"BV[0-9A-Za-z]{10}|av\d+|(?i:top|day|part|ep|vol|no|step|level|lv|week|season|chapter|round)[_.-]?\d{1,4}")
"""Films of Bilibili, and what is counted."""
_CALLED = re.compile(r"[\u4e00-\u9fff]\s{0,4}[是为:]\s{0,4}$")
_GOES_ON = re.compile(r"[\u4e00-\u9fff]|\s{1,4}[A-Za-z]")
_HIS = re.compile(r"(?:(?<![A-Za-z])(?:my|our|his|her)\s{1,2}|[我他她]的?\s{0,2}|加\s{0,2})$", re.I)


_ROUTERS = frozenset(["192.168.0.1", "192.168.1.1", "192.168.2.1", "192.168.31.1", "10.0.0.1"])
"""That every one has where it is made."""


def _machine(found: re.Match[str]) -> bool:
    """An address of a machine of somebody's: neither a version, which has short numbers, nor one that every machine has."""
    hit = found.group("hit")
    try:
        address = ipaddress.ip_address(hit)
    except ValueError:
        return False
    if hit in _ROUTERS or address.is_loopback or address.is_multicast or address.is_unspecified or hit.startswith("255."):
        return False
    if address.version == 6:
        return sum(map(bool, hit.split(":"))) >= 4
    long = sum(len(part) == 3 for part in hit.split("."))
    return found.group("named") is not None or long >= 2 or (long == 1 and len(hit) >= 11)


_THOUSANDS = re.compile(r"\+\d{1,3}(?:\.\d{3})+")
_YEARS = re.compile(r"\(?(?:19|20)\d\d ?[.-] ?(?:(?:19|20)\d\d|\d{1,2} ?[.-] ?\d{1,2})\D*")


def _number(found: re.Match[str]) -> bool:
    """As many digits as a phone number has, and not a date or a span of years."""
    return 7 <= sum(c.isdigit() for c in found.group("hit")) <= 15 and not _YEARS.fullmatch(found.group("hit")) and not _row(found.group("hit").split(" "))


def _row(parts: Sequence[str]) -> bool:
    """Numbers beside one another that are none together: models or steps in order, years, a day, short numbers of services."""
    if len(parts) < 3 or not all(part.isdecimal() for part in parts):
        return False
    if all(len(part) == 4 and 1800 <= int(part) <= 2099 for part in parts) or all(len(part) == 5 and part.startswith(("12", "95", "96", "10", "11")) for part in parts):
        return True
    if len(parts) == 3 and len(parts[0]) == 4 and 1900 <= int(parts[0]) <= 2099 and int(parts[1]) <= 12 and int(parts[2]) <= 31:
        return True
    small = [int(part) for part in parts if len(part) <= 2]
    return len(small) == len(parts) >= 4 and sum(b == a + 1 for a, b in itertools.pairwise(small)) >= len(small) - 2


_DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGIT_WORD = rf"(?:{'|'.join(_DIGIT_WORDS)}|oh)"
_WORDS_APART = r"(?:, ?|\. ?| - |-| )"


def _spoken(found: re.Match[str]) -> bool:
    """A number that is read out, not somebody who counts up or down or says one word again and again."""
    digits = [_DIGIT_WORDS.index(word) if word in _DIGIT_WORDS else 0 for word in re.findall(_DIGIT_WORD, found.group().lower())]
    steps = [b - a for a, b in itertools.pairwise(digits)]
    return len(set(digits)) > 2 and max(map(steps.count, (1, -1))) < len(steps) // 2 + 1


def _no_list(found: re.Match[str]) -> bool:
    """Pairs of digits that do not ascend, as the numbers of a list and of a lottery do."""
    pairs = re.findall(r"\d\d", found.group())
    return pairs != sorted(pairs)


_COUNTER = re.compile(
    r"(?:(?:浏览|播放|观看|阅读|获赞|曝光)[量数]?|(?:点赞|[点访]击?|访问|关注|收藏|转发|评论|下载|订阅|粉丝|弹幕|播放|浏览|观看|阅读|喜欢|赞)(?:总?[量数]|次数|人数|总量|数量)"
    r"|(?<![a-z])(?:views?|plays?|view ?count|downloads|followers|subscribers|likes|impressions|hits))"
    r"(?:[是为有达约近超]|已[达经过]|达到|超过|突破|了)?[ :=]*$", re.I)
_ADDRESS_OF_PAGE = re.compile(r"(?:(?:https?://|www\.)[a-z0-9.:-]+|(?<![\w@.-])(?:[a-z0-9-]+\.){1,3}(?:com|cn|net|org|tv|io|co|me|cc|be|jp|de|uk))/[!#-&*-+\--:=?-~]*$", re.I)
_NUMBER_OF = re.compile(r"(?:phone|tel|mobile|cell|call|sms|contact|whats ?app|wechat|weixin|wx|msisdn|shouji|dianhua)(?:_?(?:no|num|number))?[=/:]\+?(?:86)?-?$", re.I)


_AMOUNT = re.compile(
    r" ?(?:元(?![旦宵气])|[块亿股吨]|万(?=[元人次块美亿]|[^\u4e00-\u9fff]|$)|次(?![日晨年])|人(?:次|民币)|年(?![中底终会货轻末假初夜])|美元|公里|浏览|播放|观看|阅读|点?赞|粉丝|毫安|字节|用户"
    r"|dollars|people|views|plays|likes|followers|subscribers|bytes|mAh)")
"""What eleven digits count. Of other things that are counted (people, metres) there are not so many."""
_PHONE_BEFORE = re.compile(r"(?:电话|電話|手机|手機|联系|聯絡|致电|预约|咨询|热线|客服|\u260e|\U0001f4de|\U0001f4f1|(?<![a-z])(?:tel|call|phone|mobile|whats ?app))[^\d\n]{0,6}(?:\d\.)?$", re.I)


_CIRCLES = frozenset(map(chr, (*range(0x2460, 0x2500), *range(0x2776, 0x2794))))
_NUMBER_BEFORE = re.compile(_PHONE_BEFORE.pattern.removesuffix("(?:\\d\\.)?$") + r"$|(?:QQ|微信|vx?|加|群)[^\d\n]{0,6}$", re.I)


def _dialled(found: re.Match[str]) -> bool:
    """Digits that neither count something nor stand in the address of a page, unless it calls them the number of a phone."""
    before = found.string[max(0, found.start() - 300):found.start()]
    if _AMOUNT.match(found.string, found.end()) and not _PHONE_BEFORE.search(before[-20:]):
        return False
    return not _COUNTER.search(before[-20:]) and (not _ADDRESS_OF_PAGE.search(before) or _NUMBER_OF.search(before) is not None)


def _listed(found: re.Match[str]) -> bool:
    """The number of an item of a list before a phone number, and not a number with a point: where phones are spoken of, or there is a second item."""
    return bool(_PHONE_BEFORE.search(found.string[:found.start("hit")][-20:]) or len(_ITEMS.findall(found.string)) > 1)


_ITEMS = re.compile(r"(?<![\d.])[1-9]\.1[3-9]\d{9}(?!\d)")
_NO_DIGIT_BEFORE = r"(?<![\d])(?<!\d[.,:/])"
_NO_DIGIT_AFTER = r"(?![\d])(?![.,:/]\d)"
_NO_AMOUNT = r"(?! ?(?:[元块万亿人股吨次名只米份]|美元|公里|浏览|播放|观看|阅读|点?赞|转发|评论|收藏|下载|粉丝|毫安|字节|用户|年度?|dollars|people|views|plays|likes|followers|subscribers|bytes|mAh))"
_HAN_DIGIT = r"[\d〇零幺一二三四五六七八九壹贰叁肆伍陆柒捌玖]"
_HEART = r"[\s\u2764\u2665\ufe0f]{0,4}"
_IS = _HEART + r"(?:是|[为為]|is(?![A-Za-z]))?" + _HEART + r"[:=]?\s{0,4}[\"'`“‘「『【\[(]{0,2}\s{0,4}"
"""Between what a number or a name is called and itself."""
_EXT = r"(?:,? ?(?:ext(?:ension|n)?\.?|Ext\.?|x|转|轉|分[机機]) ?\d{1,6})?"
"""An extension, which is masked with its number."""
_MAIL = re.compile(r"(?:(?<![a-z])(?:e-?mail|mail|contact|write to|reach)(?: me| us)?|邮箱|信箱|邮件)(?: is| at)?[ :=是为]{1,3}$", re.I)
_NO_HOST = r"(?!(?:[A-Za-z0-9-]{1,61}\.){1,3}[A-Za-z]{2,6}/)"
"""What is called an account is not the name of a site before a page of it."""
_DOT = r"(?:com|net|org|edu|gov|cn|io|me|co|de|fr|jp|info|biz|dev|app|ai|tv|cc|xyz|(?:co dot )?uk)(?![A-Za-z0-9])"
"""Ends of addresses that are spelt out: any word may follow a dot in a sentence."""

_PROVIDER = r"(?:(?:vip\.)?qq|163|126|yeah|sina|sohu|foxmail|gmail|hotmail|outlook|yahoo|icloud|aliyun|139|189|proton(?:mail)?|aol)"
_A_DOT = r"(?:\.|[\[({【] ?(?:dot|\.|点) ?[\])}】]|(?<= )dot )"
"""A dot of an address, also in brackets."""

_STREET = (r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Terrace|Ter|Way|Square|Sq|Close|Crescent|Cres|Highway|Hwy|Parkway|Pkwy"
           r"|Gardens|Gdns|Mews|Row|Walk|Circle|Cir|Trail|Loop|Alley|Grove|Hill|Park)(?![A-Za-z])\.?")
_MEASURED = re.compile(r"[\dA-Za-z-]{1,10},? (?:Minute|Min|Hour|Mile|Km|Day|Week|Month|Year|Acre|Stor(?:e?y|ies)|Star|Step|Bed|Bedroom|Season|Hotel|Man|Foot|Dollar|Piece|Level|Lap|Hole|Best|Most|Top)s?[ -]")
_HOUSE = rf"(?<![\w.,$-])\d{{1,5}}(?:-\d{{1,4}})?[A-Za-z]?,? (?:[NSEW]{{1,2}}\.? )?(?:(?:[A-Z][A-Za-z'.-]+|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}{_STREET}(?: [NSEW]{{1,2}}(?![A-Za-z])\.?)?"
_RUE = (r"\d{1,3}(?: ?bis| ?ter)?,? (?:[Rr]ue|[Aa]venue|boulevard|place|quai|impasse|allée|chemin|cours) "
        r"(?:(?:de la|de l'|des|du|de|d'|la|le|les) ?)?(?:(?:[a-z]{1,3} |[dl]['’])?[A-ZÉÈ][\wÀ-ÿ'’-]{0,30}(?: (?=[A-ZÉÈ]))?){1,4}")
_FLAT = r"(?:(?:Apt|Apartment|Unit|Suite|Ste|Flat|Room|Rm)\.? |#) ?[A-Za-z]?-?\d{1,5}[A-Za-z]?"
_POST = (r"(?:,? [A-Z][A-Za-z'.-]+){0,4},? (?:(?:[A-Z]{2}|[A-Z][a-z]+),? \d{5}(?:\d|-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT) \d{4})")
_NUMERAL = r"(?:\d{1,5}(?:-\d{1,4})?|[一二三四五六七八九十百零〇]{1,6})"
_HAN_NUMERAL = r"[一二三四五六七八九十百零〇]{1,6}"
_DOOR = rf"[A-Z]?{_NUMERAL}(?:号楼|号院|号|號樓|號|弄|栋|幢|座|单元|室|楼|樓|组|門|门)(?!线|線|站|公路|桥|文件|球|选手|门|馆|厅|桌|机|窗|柜|航站|登机|展|坑|井|塔|停车)"
_FIRST_DOOR = rf"(?!{_HAN_NUMERAL}(?:栋|幢|座|(?<!村.)组|門|门)(?![A-Z\d一二三四五六七八九十]))"
_FIRST_DOOR += rf"(?!{_HAN_NUMERAL}[楼樓](?!{_NUMERAL}[室号房门户单]|\d{{3,4}}))(?:(?!\d{{1,2}}[楼樓](?!{_NUMERAL}[室号房门户单]|\d{{3,4}}))|(?<=大厦)|(?<=小区)|(?<=公寓)|(?<=[路街苑园村]))(?<!酒店)(?<!宾馆)(?<!旅馆)(?<!民宿){_DOOR}(?!别墅|房)"
"""Where alone it says that a house is meant: one house or other (一座木屋) is none, nor is a floor without a room."""
_PART = r"[东西南北中東]?[一二三四五六七八九十]?段?(?:(?:[一二三四五六七八九十\d]{1,2}|[A-Z])(?:区|區|期))?"
_INSIDE = rf"(?:[\u4e00-\u9fff]{{0,8}}?(?:{_DOOR}|{_NUMERAL}(?:层|層|户|房))|[\u4e00-\u9fff]{{2,8}}[A-Z]座|[\u4e00-\u9fff]{{0,8}}?\d{{1,3}}-\d{{1,3}}-\d{{2,4}}(?!\d)|(?<=[楼门室栋元座层院樓層])[A-Z]?-?\d{{3,4}}(?!\d))"
"""Parts of postal addresses, English and Chinese: a street and its kind, a house in it, a flat, town and postcode; a house by its
number, and what follows it down to the room."""

_KINDS: tuple[_Kind, ...] = (
    _Kind("<HANDLE>", re.compile(r"(?<![A-Za-z0-9_@/.+-])@[A-Za-z0-9_]{2,30}@[A-Za-z0-9-]{1,61}(?:\.[A-Za-z0-9-]{1,61}){0,3}\.[A-Za-z]{2,24}(?![A-Za-z0-9])"), signs=("@",)),
    _Kind("<EMAIL>", re.compile(
        r"(?<![\w.])[\u4e00-\u9fff]{1,10}@[A-Za-z0-9\u4e00-\u9fff-]{1,30}\.(?:中国|公司|网络|[A-Za-z]{2,24}(?![A-Za-z0-9]))"), signs=("@",)),
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9\u00c0-\u024f\u0370-\u052f._%+-])[A-Za-z0-9\u00c0-\u024f\u0370-\u052f_%+-](?:[A-Za-z0-9\u00c0-\u024f\u0370-\u052f._%+-]{0,63})"
        r"@(?:[A-Za-z0-9\u00c0-\u024f\u4e00-\u9fff](?:[A-Za-z0-9\u00c0-\u024f\u4e00-\u9fff-]{0,61})\.){1,6}(?:[A-Za-z]{2,24}(?![A-Za-z0-9])"
        r"|中国|公司|网络)"), signs=("@",)),
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63} ?[\[({【] ?(?:at|@) ?[\])}】] ?[A-Za-z0-9-]{1,61}"
        rf"(?: ?{_A_DOT} ?[A-Za-z0-9-]{{1,61}}){{0,5}} ?{_A_DOT} ?[A-Za-z]{{2,24}}(?![A-Za-z0-9])", re.I),
        signs=tuple(f"{bracket}{gap}{at}" for bracket in "[({【" for gap in ("", " ") for at in ("at", "@"))),
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9._%+-])(?!(?:look|sat|sit|is|are|was|were|be|shop|buy|bought|sold|find|found|more|see|seen|us|me|them|it|only|read|available|hosted|listed|online|join) at)"
        r"(?:[A-Za-z0-9_%+-]{1,30} dot ){0,2}[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63} at (?!(?:the|a|an|this|that|my|our|your|his|her|their) )[A-Za-z0-9-]{2,61} dot "
        + _DOT, re.I), signs=(" dot ",)),
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{1,63} ?(?: @ |\(a\)) ?[A-Za-z0-9-]{2,61}(?:(?:\.| \. )[A-Za-z0-9-]{1,61}){0,3}(?:\.| \. )" + _DOT, re.I),
        signs=(" @ ", "(a)")),
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9._%+-])(?P<hit>[A-Za-z0-9][A-Za-z0-9._%+-]{1,40}(?: at |_at_)" + _PROVIDER + r"\.(?:com|cn|net|me))(?![A-Za-z0-9.])", re.I),
        lambda found: bool(re.search(r"[\d._]", re.split(" at ", found.group("hit"))[0]) or _MAIL.search(found.string[:found.start()][-24:]) or found.group("hit") == found.string.strip()),
        signs=(" at ", "_at_")),
    _Kind("<EMAIL>", re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9.-]{1,40}_at_[A-Za-z0-9-]{1,61}(?:_dot_[A-Za-z0-9-]{1,61}){0,3}_dot_[A-Za-z]{2,24}(?![A-Za-z0-9])", re.I),
          signs=("_at_",)),
    _Kind("<EMAIL>", re.compile(r"\"[A-Za-z0-9._ +-]{1,40}\"@(?:[A-Za-z0-9-]{1,61}\.){1,4}[A-Za-z]{2,24}(?![A-Za-z0-9])"), signs=('"@',)),
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63} ?(?:艾特|圈a) ?[A-Za-z0-9-]{1,61} ?[点.] ?(?:com|net|org|cn)(?![A-Za-z0-9])", re.I), signs=("艾特", "圈a")),
    # with another sign for the at sign: only at the great providers of mail, for a word may have such a sign in it
    _Kind("<EMAIL>", re.compile(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_][A-Za-z0-9._-]{1,40} ?(?:[#*&$] ?" + _PROVIDER + r"\.|@ ?" + _PROVIDER + r" ?[。·,] ?)(?:com|cn|net)(?![A-Za-z0-9])", re.I),
        signs=("#", "*", "&", "$", "@")),
    _Kind("<ID>", re.compile(
        _NO_DIGIT_BEFORE + r"[1-9]\d{5}[ -]?(?:18|19|20)\d{2}[ -]?\d{4}[ -]?\d{3}[\dXx](?![\dA-Za-z])"), _citizen),
    _Kind("<ID>", re.compile(
        r"(?:身份证明?|公民身份|驾驶证|驾照|证件|社保|社会保障)(?:档案)?,?(?:号码|编号|号|件号)?" + _IS
        + r"(?P<hit>[1-9](?:[ -]?\d){16}[ -]?[\dXx]|[1-9]\d{5}[ -]?\d{6}(?:[ -]?\d{3})?)(?![\dA-Za-z])")),
    # other papers where they are called so: a passport, a US social security number
    _Kind("<ID>", re.compile(
        r"(?:护照|護照|(?<![A-Za-z])passport),?\s{0,4}(?:号码|號碼|号|號|no\.?|number|#)?\s{0,4}(?:是|[为為]|is)?\s{0,4}[:.,]?\s{0,4}(?P<hit>[A-Z]{1,2}\d{7,8}|(?<=[:.,#为為是 ])\d{9}|(?=(?:[A-Z]{0,9}\d){3})(?=\d{0,9}[A-Z])[A-Z0-9]{8,9})(?![A-Za-z0-9])"
        r"|(?:通行[证證]|回[乡鄉][证證]|台胞[证證]),?(?:号码|號碼|号|號)?\s{0,4}(?:是|[为為])?\s{0,4}[:.]?\s{0,4}(?P<pass>[A-Z]?\d{8,10})(?![A-Za-z0-9])"
        r"|(?:licen[cs]e|number|registration) plate\s{0,4}(?:number|no\.?|#)?\s{0,4}(?:is)?\s{0,4}[:.]?\s{0,4}(?-i:(?P<registration>(?=[A-Z -]{0,9}\d)(?=[\d -]{0,9}[A-Z])[A-Z\d]{2,4}[ -]?[A-Z\d]{2,4})(?![A-Za-z\d]))"
        r"|[车車]牌(?:号码|號碼|号|號)?\s{0,4}(?:是|[为為])?\s{0,4}[:.]?\s{0,4}(?P<plate>[\u4e00-\u9fff][A-Z][ ·]?[A-Z0-9]{5,6})(?![A-Za-z0-9])"
        r"|(?:(?<![A-Za-z])(?:ssn|social security)(?:\s{0,4}(?:number|num|no\.?|#))?(?:\s{0,4}\(ssn\))?|社保号码?|社会保障号码?)\s{0,4}(?:is)?\s{0,4}[:=.,#]?\s{0,4}(?P<also>\d{3}[ -]?\d{2}[ -]?\d{4})(?!\d)", re.I)),
    _Kind("<ID>", re.compile(
        r"(?:(?<![A-Za-z])(?:driver'?s? licen[cs]e|national insurance|NINO|NI(?= n)|NHS|ITIN|tax(?:payer)? id|a?adhaar|medicare|medicaid|visa(?= n)|(?:national|patient|hk|hong kong) ?id(?:entity card)?)"
        r"(?:\s{0,4}(?:no\.?|number|num|#|card))*|(?:身[分份]證(?:字號|統一編號)?|(?:香港|澳门|台湾)(?:居民)?身份证|統一編號|居留[证證]|[军軍]官[证證]|士官[证證]|警官[证證]|社保卡|医保卡|病历),?(?:号码|號碼|号|號)?)"
        + _IS + r"(?P<hit>[A-Z9]{5}\d{6}[A-Z0-9]{5}|(?:[\u4e00-\u9fff]字第?)?[A-Za-z]{0,3}[ -]?\d(?:[ -]?[A-Za-z]{0,3}\d){3,15}(?: ?[A-Za-z])?(?:\([\dA]\))?)(?![A-Za-z0-9])", re.I),
        lambda found: 5 <= sum(c.isdigit() for c in found.group("hit")) <= 18 and not _YEARS.fullmatch(found.group("hit"))),
    _Kind("<ID>", re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{6}\([\dA]\)"), _hong_kong),
    _Kind("<CARD>", re.compile(r"(?<![A-Za-z0-9])(?:0x[0-9A-Fa-f]{40}|bc1[ac-hj-np-z02-9]{36,59})(?![A-Za-z0-9])"), signs=("0x", "bc1")),
    _Kind("<CARD>", re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"), _iban),
    _Kind("<CARD>", re.compile(
        _NO_DIGIT_BEFORE + r"(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|62\d\d|35\d\d|6011|65\d\d)(?:[ -]?\d{4}){3}(?:[ -]?\d{1,3})?"
        r"|3[47]\d\d[ -]?\d{6}[ -]?\d{5})" + _NO_DIGIT_AFTER), _luhn),
    _Kind("<CARD>", re.compile(
        r"(?:银行卡|信用卡|储蓄卡|[\u4e00-\u9fff]行卡|卡号|账户|[账帐]号|开户行?|(?<![A-Za-z])(?:card|account|acct|a/c))\s{0,4}(?:号码|号|no\.?|number)?" + _IS
        + r"(?P<hit>\d(?:[ -]?\d){11,18})" + _NO_DIGIT_AFTER, re.I)),
    _Kind("<CARD>", re.compile(
        r"(?<![A-Za-z])(?:(?:account|acct|a/c|routing)(?:\s{0,4}(?:no\.?|number|num|#))?" + _IS + r"(?P<hit>\d{6,17})|sort code" + _IS
        + r"(?P<also>\d\d-\d\d-\d\d))" + _NO_DIGIT_AFTER, re.I), lambda found: found.group("also") is not None or _no_day(found)),
    _Kind("<CARD>", re.compile(r"(?<![A-Za-z0-9])(?:[13][1-9A-HJ-NP-Za-km-z]{25,33}|T[1-9A-HJ-NP-Za-km-z]{33})(?![A-Za-z0-9])"), _base58),
    _Kind("<HANDLE>", re.compile(r"(?<![A-Za-z0-9_])wxid_[A-Za-z0-9]{6,30}(?![A-Za-z0-9_])")),
    # the page of an account
    _Kind("<HANDLE>", re.compile(
        r"(?<![A-Za-z0-9])(?:weibo\.c(?:om|n)/(?:u/|n/)?|(?:twitter|x|instagram|facebook|fb|tiktok|threads)\.com/@?|(?:t|fb)\.me/|douyin\.com/user/"
        r"|space\.bilibili\.com/|zhihu\.com/people/|kuaishou\.com/profile/|xiaohongshu\.com/user/profile/|youtube\.com/(?:@|user/|channel/)|linkedin\.com/in/|threads\.net/@|medium\.com/@|bsky\.app/profile/|reddit\.com/u(?:ser)?/"
        r"|(?:reddit )/?u/|paypal\.me/|venmo\.com/(?:u/)?|cash\.app/\$|snapchat\.com/add/|twitch\.tv/|patreon\.com/|buymeacoffee\.com/|ko-fi\.com/|soundcloud\.com/|pinterest\.com/|vk\.com/|douban\.com/people/|jianshu\.com/u/|steamcommunity\.com/(?:id|profiles)/|wa\.me/|line\.me/ti/p/~?)"
        r"(?!(?:search|events|groups|watch|reels?|explore|hashtag|home|login|sharer?|intent|pages|help|about|settings|privacy|legal|marketplace|tag|music|discover"
        r"|stories)(?![A-Za-z0-9_.-]))(?P<hit>[A-Za-z0-9_.\u4e00-\u9fff-]{3,64})"
        r"|(?<![A-Za-z0-9])github\.com/(?!(?:features|about|pricing|explore|topics|login|trending|search)(?![\w-]))(?P<also>[A-Za-z0-9-]{2,39})(?![A-Za-z0-9_-]|/\w)", re.I)),
    # named accounts: the word before vouches for what follows, if that has a sign no word has or the word before says so
    _Kind("<HANDLE>", re.compile(
        r"(?:微 ?信|薇信|威信|V信|绿泡泡|公众号|[加+\u2795]\s{0,4}(?:[微薇威]|v(?![A-Za-z]))|[薇微威](?=\s{0,4}(?:\u2764|\u2665|:))|我的?v(?=是|:|\d)|(?<![A-Za-z])v(?=\u2764|\u2665)|抖音|快手|小红书|微博|知乎|豆瓣|贴吧|陌陌|[bB]站|哔哩哔哩|支付宝"
        r"|(?<![A-Za-z])(?:wechat|wei ?xin(?: hao)?|weibo|telegram|whatsapp|instagram|skype|line(?=\s{0,4}id)|v ?x|wx)|(?:^|(?<=[\n.,;|/!?。、]))\s{0,2}line(?=\s{0,4}:)|(?<![A-Za-z])my line(?=:)|纸飞机|[加+\u2795]\s{0,4}(?:line|tg|ins|ig)(?![A-Za-z]))"
        r"\s{0,4}(?:搜索?|关注)?(?P<named>号码?|帐号|账号|(?<![A-Za-z])u?id(?![A-Za-z]))?" + _IS + r"@?(?:live:)?" + _NO_HOST
        + r"(?P<hit>\+?\d[\d-]{5,14}(?!\d)" + _NO_AMOUNT + r"|[A-Za-z][A-Za-z0-9_-]{4,29}(?![A-Za-z0-9_]))", re.I), _account),
    _Kind("<HANDLE>", re.compile(
        r"加\s{0,4}(?:我|个|下|一下)\s{0,4}的?\s{0,4}(?:微信|薇信|威信|V信|vx|wx|wechat|QQ)" + _IS + r"(?P<hit>[A-Za-z0-9][A-Za-z0-9_-]{4,29})(?![A-Za-z0-9_])", re.I)),
    _Kind("<HANDLE>", re.compile(
        r"(?<![A-Za-z])(?:ig|ins|insta|instagram|telegram|tg|threads|snap|snapchat|discord|twitter|tiktok|kakao|kik|viber|signal|steam|skype|facebook|fb|linkedin|github|reddit|venmo|pinterest|twitch)"
        r"\s{0,4}(?P<named>id|account|user(?:name)?|handle|号|账号)?\s{0,4}(?:[:=]|是|is(?![A-Za-z]))\s{0,4}@?(?:live:)?" + _NO_HOST
        + r"(?P<hit>[A-Za-z0-9_][A-Za-z0-9_.-]{2,29}(?<![.-])(?:#\d{4})?)(?![A-Za-z0-9_])", re.I), _account),
    _Kind("<HANDLE>", re.compile(r"(?<![\w.#])[A-Za-z0-9_.]{2,32}#\d{4}(?![A-Za-z0-9_])"), signs=("discord",)),
    _Kind("<HANDLE>", re.compile(
        r"(?:(?<![A-Za-z])Q ?Q|(?<![A-Za-z])Q(?=[号群])|[加+\u2795扣]\s{0,4}Q|扣扣|企鹅(?=\s{0,4}[群号帐账是为:=]))\s{0,4}(?:群|号|号码|帐号|账号)?\s{0,4}(?:是|为|is)?\s{0,4}[:=]?\s{0,4}"
        r"(?P<hit>[1-9]\d{4,10})(?!\d)", re.I), lambda found: _no_day(found) or ":" in found.group()),
    _Kind("<HANDLE>", re.compile(r"(?:群(?:号码?|聊|组)?\s{0,4}[:=]|(?:交流|讨论|粉丝|学习|福利|读者|技术|官方)群)\s{0,4}(?P<hit>[1-9]\d{5,10})(?!\d)"), signs=("群",)),
    # phones: international, Chinese mobile (written as one, in groups, digit by digit, in Chinese numerals), Chinese and British landline and
    # British mobile, North American
    _Kind("<PHONE>", re.compile(r"(?<![A-Za-z0-9_+])(?:\+|00(?=86)|(?<!\d )00(?=(?:1|7|33|34|39|4[149]|6[0156]|8[12]|85[23]|886|91)[ -]))[1-9]\d{0,2}(?:[ ().-]{0,2}\d){7,13}" + _EXT + _NO_DIGIT_AFTER),
          lambda found: not _THOUSANDS.fullmatch(found.group())),
    _Kind("<PHONE>", re.compile(r"(?<![\d])(?<!\d\.)(?<![¥$€£])(?:86[ -]?)?1[3-9]\d{9}(?!\d)(?!\.\d)"), _dialled),
    _Kind("<PHONE>", re.compile(r"(?<![\d.])[1-9]\.(?P<hit>1[3-9]\d{9})(?!\d)"), _listed),
    _Kind("<PHONE>", re.compile(r"1\ufe0f?\u20e3 ?[3-9]\ufe0f?\u20e3(?: ?\d\ufe0f?\u20e3){9}(?! ?\d\ufe0f?\u20e3)"), signs=("\u20e3",)),
    _Kind("<PHONE>", re.compile(
        _NO_DIGIT_BEFORE + r"(?<![A-Za-z]-)(?<![¥$€£])(?:86[ -]?)?(?:\(1[3-9]\d\)[ -]?\d{4}[ -]?\d{4}|1[3-9]\d(?:[ -]?\d{4}[ -]?\d{4}|\.\d{4}\.\d{4}))"
        + _NO_DIGIT_AFTER + r"(?!-\d{4})"), _dialled),
    _Kind("<PHONE>", re.compile(_NO_DIGIT_BEFORE + r"(?<![A-Za-z][-_])1[3-9]\d(?P<gap>[_~*·—]| - )\d{4}(?P=gap)\d{4}" + _NO_DIGIT_AFTER)),
    _Kind("<PHONE>", re.compile(r"(?<![\d])(?<!\d[ .-])1(?P<gap>[ .-])[3-9](?:(?P=gap)\d){9}(?!\d)(?![ .-]\d)")),
    _Kind("<PHONE>", re.compile(
        rf"(?<!{_HAN_DIGIT})[1一幺壹][ -]?[3-9三四五六七八九叁肆伍陆柒捌玖](?:[ -]?{_HAN_DIGIT}){{9}}(?!{_HAN_DIGIT})"),
        lambda found: sum(not c.isascii() for c in found.group()) >= 2, spelt=True),
    _Kind("<PHONE>", re.compile(
        rf"(?<![A-Za-z-])(?:(?:double |triple )?{_DIGIT_WORD}{_WORDS_APART}){{6,14}}{_DIGIT_WORD}(?![A-Za-z])", re.I), _spoken, spelt=True,
        signs=tuple(_DIGIT_WORDS)),
    _Kind("<PHONE>", re.compile(
        _NO_DIGIT_BEFORE + r"(?<!\d{4}[ -])(?:0?86-)?(?:\(0\d{2,3}\)[ ]?|0\d{2,3}[ -])[2-9]\d{2,3}[ -]?\d{4}(?:-\d{1,5}|" + _EXT[:-1] + ")?"
        + _NO_DIGIT_AFTER)),
    _Kind("<PHONE>", re.compile(_NO_DIGIT_BEFORE + r"0(?:10|2\d|[3-9]\d\d)[2-8]\d{6,7}" + _NO_DIGIT_AFTER), _dialled),
    _Kind("<PHONE>", re.compile(
        _NO_DIGIT_BEFORE + r"(?:\(0\)\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}|\(0[1-9]\) ?\d{4}[ -]?\d{4}|01\d{3}[ -]\d{3}[ -]?\d{3}|07\d{3}[ -]?\d{3}[ -]?\d{3}|0\d{1,2}-\d{3,4}-\d{4}|\(01\d{3}\) ?\d{3} ?\d{3}|04\d\d[ -]\d{3}[ -]\d{3}|09\d\d[ -]\d{3}[ -]\d{3})" + _EXT + _NO_DIGIT_AFTER)),
    _Kind("<PHONE>", re.compile(_NO_DIGIT_BEFORE + r"(?<!\d )0[1-9](?P<gap>[ .])\d\d(?:(?P=gap)\d\d){3}" + _NO_DIGIT_AFTER + r"(?! \d)"), _no_list),
    # German: a stroke behind the code of the town, or the name of the town before it
    _Kind("<PHONE>", re.compile(r"(?<![\d/.,-])(?<!\d )0[2-9]\d{1,4} ?/ ?[1-9]\d(?:[ -]?\d){3,7}(?![\d/]|[.,:]\d)")),
    _Kind("<PHONE>", re.compile(
        r"(?<!\w)(?:Berlin|Hamburg|Munich|München|Cologne|Köln|Frankfurt|Leipzig|Vienna|Wien):? (?P<hit>0\d{1,3}[ -][1-9]\d(?:[ -]?\d){3,6})(?![\d/]|[.,:]\d)")),
    _Kind("<PHONE>", re.compile(_NO_DIGIT_BEFORE + r"(?:1[ -])?[48]00[ -]\d{3,4}[ -]\d{3,4}" + _NO_DIGIT_AFTER)),
    _Kind("<PHONE>", re.compile(
        _NO_DIGIT_BEFORE + r"(?:1(?:[ .-]|(?=\()))?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[./-])[2-9]\d{2}[ .-]\d{4}" + _EXT + _NO_DIGIT_AFTER + r"(?!-\d)")),
    _Kind("<PHONE>", re.compile(_NO_DIGIT_BEFORE + r"(?<!\d )[2-9]\d{2} [2-9]\d{2} \d{4}" + _EXT + _NO_DIGIT_AFTER + r"(?! \d)")),
    _Kind("<PHONE>", re.compile(
        r"(?:电话|電話|座机|热线|熱線|手机|手機|客服|联系方式|聯絡方式|致电|传真|傳真|(?<![A-Za-z])(?:tel|phone|call|mobile|cell|whats ?app|fax|te?xt|sms|dial|(?:my|his|her|our)(?=\s+number)))"
        r"\s{0,4}(?:号码|號碼|号|號|number|no\.?|(?:(?:me|us) )?(?:at|on))?\s{0,4}(?:是|为|is)?\s{0,4}[:.-]?\s{0,4}"
        r"(?P<hit>\(?\d[\d ().-]{5,18}\d" + _EXT + r")(?!\d)" + _NO_AMOUNT, re.I), _number),
    _Kind("<PHONE>", re.compile(
        rf"(?:电话|電話|座机|手机|手機|热线|(?<!彩票)(?<![开中]奖)号码|传真)(?:号码?)?(?:是|为|:)?\s{{0,4}}(?P<hit>{_HAN_DIGIT}(?:[ -]?{_HAN_DIGIT}){{6,11}})(?!{_HAN_DIGIT})"),
        lambda found: not found.group("hit").isascii(), spelt=True),
    # machines
    _Kind("<IP>", re.compile(
        r"(?<![A-Za-z0-9_.:-])(?<!版本)(?<!version )(?<!ver )(?P<named>(?:(?<![A-Za-z])(?:ip|server|host|ping|ssh)|服务器|主机)(?:地址|\s{0,4}address)?" + _IS
        + r"(?:[a-z]+@)?|https?://|ssh://)?(?P<hit>\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_])(?!\.\d)(?!/\d)|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![A-Za-z0-9_:]))", re.I),
        _machine),
    # the address of a network card: with letters or called so, for six pairs of digits may be a time code
    _Kind("<IP>", re.compile(
        r"(?:(?<![A-Za-z])(?P<named>(?:mac|bssid|wi-?fi|bluetooth|ethernet)(?:\s{0,4}(?:address|addr|地址))?|物理地址)" + _IS
        + r"|(?<![A-Za-z0-9:_-]))(?P<hit>[0-9a-f]{2}(?P<gap>[:-])(?:[0-9a-f]{2}(?P=gap)){4}[0-9a-f]{2})(?![A-Za-z0-9_]|[:-][A-Za-z0-9])", re.I),
        lambda found: found.group("named") is not None or not found.group("hit").replace(found.group("gap"), "").isdigit()),
    # postal addresses: a house in a street, with a flat or a postcode behind or a word before that says whose it is
    _Kind("<ADDRESS>", re.compile(rf"(?P<hit>(?:{_FLAT},? )?(?:(?:Building|Bldg|Block|Tower) [A-Z0-9]{{1,4}},? )?(?:No\. ?)?{_HOUSE}(?P<flat>,? {_FLAT})?(?P<post>{_POST})?)(?![A-Za-z0-9])"), _home,
          signs=tuple(" " + kind for kind in ("st", "ave", "r", "b", "l", "d", "c", "p", "te", "way", "sq", "h", "g", "mews", "walk", "tr", "al"))),
    _Kind("<ADDRESS>", re.compile(rf"(?<![\w.,$-])(?P<hit>{_RUE}(?P<flat>,? {_FLAT})?(?P<post>,? \d{{5}} [A-ZÉ][\w-]+)?)(?!\w)"), _home,
          signs=tuple(f"{kind} " for kind in ("rue", "avenue", "boulevard", "place", "quai", "impasse", "allée", "chemin", "cours"))),
    _Kind("<ADDRESS>", re.compile(r"(?<!\w)[A-ZÄÖÜ][\wäöüß-]{0,40}(?:straße|strasse|str\.|gasse|platz|weg|allee) \d{1,3} ?[a-h]?,? \d{5} [A-ZÄÖÜ][\wäöüß-]+"),
          signs=("straße", "strasse", "str.", "gasse", "platz", "weg", "allee")),
    _Kind("<ADDRESS>", re.compile(r"(?<![A-Za-z])P\.? ?O\.? ?Box \d{1,6}(?!\d)", re.I), signs=("box",)),
    _Kind("<ADDRESS>", re.compile(
        rf"(?:地址|住址|家住|家在|住在|住(?=:)|寄[到往给至]|送到|送货到|快递到|搬到|寄送至)[是在为:]{{0,2}}\s{{0,4}}(?P<hit>[\u4e00-\u9fff]{{2,24}}?(?<!的){_FIRST_DOOR}(?>{_INSIDE}){{0,8}})", re.I), signs=("址", "住", "家在", "寄", "送", "快递", "搬到"), spelt=True),
    _Kind("<ADDRESS>", re.compile(
        rf"(?<=[省市区县镇乡區縣鎮鄉])(?P<hit>[\u4e00-\u9fff]{{1,12}}?(?:路|街|道|巷|胡同|弄|村|庄|屯|里|园|苑|區|小区|社区|新村){_PART}{_DOOR}(?>{_INSIDE}){{0,8}})"), spelt=True),
    _Kind("<ADDRESS>", re.compile(
        rf"(?P<hit>[\u4e00-\u9fff]{{2,6}}(?:路|街|道|巷|胡同|弄|村|园|苑|湾|庭|府|小区|社区|新村|花园|公寓|家园){_PART}{_DOOR}(?>{_INSIDE}){{0,8}}{_NUMERAL}(?:单元|室|門|门|栋|幢)(?>{_INSIDE}){{0,8}})"), spelt=True),
    # a name after an at sign that begins a word: `@2x` and `@5pm` are none, nor a package `@a/b`, nor one who calls another in a chat: `小王@小李`
    _Kind("<HANDLE>", re.compile(
        r"(?<![A-Za-z0-9_@/.+])@(?![A-Za-z0-9-]+\.(?:com|net|org|edu|cn)(?![\w.]*\w))(?![a-z][a-z0-9._-]{0,60}/[a-z])(?!(?:所有人|全体|大家|各位|同学们)|(?<=[\u4e00-\u9fff]@)[小老阿][\u4e00-\u9fff](?![\w\u4e00-\u9fff]))(?![A-Za-z_.]{1,60}\()(?!(?i:property|media|import|charset|keyframes|supports|font|staticmethod|classmethod|dataclass|override|param|return|author|all|everyone|here|channel"
        r"|pytest|deprecated|see|since|throws)(?![A-Za-z0-9_]))(?:[A-Za-z_][A-Za-z0-9_.]{2,29}(?<!\.)|[\u4e00-\u9fff][\w\u4e00-\u9fff-]{1,19})"), signs=("@",)),
)


MASKS = frozenset(kind.mask for kind in _KINDS)
"""What stands in a text for what was masked."""


_WORDS = ("<EMAIL>", "<HANDLE>")
_DIGIT = re.compile(r"\d")


def mask(text: str, *, over_lines: bool = False) -> tuple[str, int]:
    """The text with personal data masked, and how many pieces were.

    Args:
        over_lines: Whether the end of a line is a blank, as in subtitles, which cut a number where the line is full.
    """
    count, plain = 0, text.translate(_WIDE)
    if not plain.isascii():
        plain = _IN_SHAPES.sub(_unshaped, plain)
    plain = plain.replace("\n", " ") if over_lines else plain
    small, digits = plain.lower(), _DIGIT.search(plain)
    for kind in _KINDS:
        if (kind.signs and not any(sign in small for sign in kind.signs)) or not (digits or kind.spelt or kind.mask in _WORDS):
            continue
        spans = list(_spans(kind, plain))
        if spans:
            text, plain = _put(text, spans, kind.mask), _put(plain, spans, kind.mask)
        count += len(spans)
    return text, count


def _unshaped(found: re.Match[str]) -> str:
    """Digits of other shapes as plain ones; those in circles where they are called a number, for they number the steps of a list as well."""
    in_circles = any(c in _CIRCLES for c in found.group())
    return found.group() if in_circles and not _NUMBER_BEFORE.search(found.string[:found.start()][-20:]) else found.group().translate(_SHAPED)


def _put(text: str, spans: list[tuple[int, int]], word: str) -> str:
    """The text with a word in the place of each span."""
    edges = [0, *itertools.chain.from_iterable(spans), len(text)]
    return word.join(text[edges[i]:edges[i + 1]] for i in range(0, len(edges), 2))


def _spans(kind: _Kind, plain: str) -> Iterator[tuple[int, int]]:
    for found in kind.pattern.finditer(plain):
        named = [group for group in ("hit", "also", "pass", "plate", "registration") if group in kind.pattern.groupindex and found.group(group) is not None]
        if kind.holds(found):
            yield found.span(named[0] if named else 0)


_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff\u00ad\u180e\u202a-\u202e\u2061-\u2064\u2066-\u2069]|(?<=\d)[\u200c-\u200f]+(?=\d)")


_INLINE = r"(?:</?(?:a|b|i|u|em|strong|span|font|small|mark|wbr)(?:\s[^<>]{0,200})?>){1,4}"
_HIDES = re.compile(
    r"(?P<at>&(?:#0{0,5}64|#x0{0,5}40|commat);|(?<=[\w.-])%40(?=[A-Za-z0-9]))|(?P<dot>&(?:#0{0,5}46|#x0{0,5}2e|period);)|(?P<gap>&(?:nbsp|#0{0,5}160|#x0{0,5}a0);|(?<=\d)%20(?=\d))"
    rf"|{_INLINE}(?=@)|(?<=[\d@]){_INLINE}(?=[\d@A-Za-z])", re.I)


def unhidden(page: str) -> str:
    """A page of HTML in which no entity and no tag for letters stands in an address or a number: browsers show it whole."""
    return _HIDES.sub(lambda found: "@" if found.group("at") else "." if found.group("dot") else " " if found.group("gap") else "", page)


_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """Text as it is stored: NFC, line and page ends as `\\n`, without control and invisible signs and lone surrogates."""
    return unicodedata.normalize("NFC", _CONTROL.sub("", _ENDS.sub("\n", text))).strip()
