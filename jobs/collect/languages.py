"""Codes of languages, and the names that people give them."""

from collections.abc import Mapping
from types import MappingProxyType

_TWO = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi "
    "fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv "
    "kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm "
    "rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa "
    "wo xh yi yo za zh zu"
)
"""ISO 639-1."""
_THREE = (
    "yue wuu nan hak gan hsn cdo lzh mnp cjy cpx bho mag mai awa hne gom kok doi mni sat lus fil ceb ilo war pag bcl min ban ace bjn bug "
    "mad haw hmn mww kac shn nds bar gsw ksh lmo lij fur scn vec nap pms szl csb hsb dsb ast mwl arz ary apc acm afb ckb kmr prs glk mzn "
    "crh kaa tyv sah myv mdf udm krc inh ady kbd xmf nso tum bem umb lua kea kab tzm dyu fon tem luo din gaa pcm pap tpi jam tet"
)
"""Those of ISO 639-3 without a code of two letters that corpora and subtitles are written in. All 7900 would be too many: `yes`, `all` and `sub`
are among them."""
_NAMED: Mapping[str, str] = MappingProxyType({
    "zh": "zho|chi|cmn|cn|ch|chinese|mandarin|mandarin chinese|chinese mandarin|中文|汉语|漢語|国语|國語|普通话|普通話|华语|華語",
    "zh-Hans": "chs|sc|zhs|zh chs|simplified chinese|chinese simplified|简体|简体中文|中文简体|简中",
    "zh-Hant": "cht|tc|zht|zh cht|traditional chinese|chinese traditional|繁体|繁體|繁体中文|繁體中文|中文繁体|中文繁體|正體中文|繁中",
    "zh-TW": "tw", "zh-HK": "hk",
    "yue": "zh yue|cantonese|cantonese chinese|chinese cantonese|粤语|粵語|广东话|廣東話",
    "en": "eng|english|american english|british english|英文|英语|英語",
    "ja": "jpn|jp|japanese|日本語|日本语|日语|日語|日文",
    "ko": "kor|kr|korean|한국어|韩语|韓語|韩文|韓文",
    "fr": "fra|fre|french|français|francais|法语|法語|法文",
    "de": "deu|ger|german|deutsch|德语|德語|德文",
    "es": "spa|spanish|español|espanol|castilian|西班牙语|西班牙語|西班牙文",
    "pt": "por|portuguese|brazilian portuguese|português|葡萄牙语|葡萄牙語",
    "it": "ita|italian|italiano|意大利语|意大利語",
    "ru": "rus|russian|русский|俄语|俄語|俄文",
    "ar": "ara|arb|arabic|العربية|阿拉伯语|阿拉伯語",
    "hi": "hin|hindi|हिन्दी|印地语",
    "id": "ind|indonesian|bahasa indonesia|印尼语|印度尼西亚语",
    "ms": "msa|may|zsm|malay|马来语",
    "th": "tha|thai|ไทย|泰语|泰語|泰文",
    "vi": "vie|vn|vietnamese|tiếng việt|越南语|越南語",
    "tr": "tur|turkish|türkçe|土耳其语",
    "nl": "nld|dut|dutch|nederlands|荷兰语", "pl": "pol|polish|polski|波兰语", "uk": "ukr|ukrainian|українська|乌克兰语",
    "el": "ell|gre|greek|ελληνικά|希腊语", "he": "heb|hebrew|עברית|希伯来语", "fa": "fas|per|pes|persian|farsi|فارسی|波斯语",
    "sv": "swe|swedish|svenska|瑞典语", "da": "dan|danish|dansk|丹麦语", "no": "nor|norwegian|norsk|挪威语", "nb": "nob", "nn": "nno",
    "fi": "fin|finnish|suomi|芬兰语", "cs": "ces|cze|czech|čeština|捷克语", "sk": "slk|slo|slovak", "sl": "slv|slovenian", "hu": "hun|hungarian|magyar",
    "ro": "ron|rum|romanian|română", "bg": "bul|bulgarian", "hr": "hrv|croatian", "sr": "srp|serbian", "lt": "lit|lithuanian",
    "lv": "lav|lvs|latvian", "et": "est|ekk|estonian", "ca": "cat|catalan", "eu": "eus|baq|basque", "gl": "glg|galician", "cy": "cym|wel|welsh",
    "bn": "ben|bengali|孟加拉语", "ur": "urd|urdu", "ta": "tam|tamil", "te": "tel|telugu", "mr": "mar|marathi", "gu": "guj|gujarati", "pa": "pan|punjabi",
    "kn": "kan|kannada", "ml": "mal|malayalam", "ne": "nep|npi|nepali", "si": "sin|sinhala", "my": "mya|bur|burmese|缅甸语", "km": "khm|khmer",
    "lo": "lao", "ka": "kat|geo|georgian", "hy": "hye|arm|armenian", "az": "aze|azj|azerbaijani", "kk": "kaz|kazakh|哈萨克语", "uz": "uzb|uzn|uzbek",
    "mn": "mon|khk|mongolian|蒙古语|蒙语", "bo": "bod|tib|tibetan|藏语|藏文", "ug": "uig|uyghur|维吾尔语|维语", "sw": "swa|swh|swahili", "af": "afr|afrikaans",
    "fil": "tagalog|filipino",
})
WORDS: Mapping[str, str] = MappingProxyType({word: tag for tag, named in _NAMED.items() for word in named.split("|")})
"""Language by name, in small letters: codes of three letters where there is one of two, and what countries and subtitles call it."""
TWO, THREE = frozenset(_TWO.split()), frozenset(_THREE.split())
