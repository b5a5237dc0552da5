"""What is masked and what is left alone, and that no masked number survives."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.collect.pii import clean, mask

MASKED = {
    "call me at 13812345678 ok": "call me at <PHONE> ok",
    "电话：138-1234-5678": "电话：<PHONE>", "+86 138 1234 5678": "<PHONE>",
    "１３８１２３４５６７８": "<PHONE>", "tel 010-62345678": "tel <PHONE>", "(021)62345678": "<PHONE>",
    "Tel: 6234 5678": "Tel: <PHONE>",
    "0755-83765566转801": "<PHONE>", "(415) 555-2671": "<PHONE>", "415-555-2671": "<PHONE>", "+44 20 7946 0958": "<PHONE>",
    "400-820-8820": "<PHONE>", "手机13800138000，谢谢": "手机<PHONE>，谢谢",
    "mail me: a.b+c@mail.example.com!": "mail me: <EMAIL>!",
    "邮箱zhang_san@例.com或foo@bar.cn。": "邮箱<EMAIL>或<EMAIL>。",
    "身份证11010519491231002X是": "身份证<ID>是", "4111 1111 1111 1111": "<CARD>", "卡号6222021234567890128": "卡号<CARD>",
    "微信：abc_12345 加我": "微信：<HANDLE> 加我",
    "加微信 tianqi2020 哦": "加微信 <HANDLE> 哦", "vx: hello_world": "vx: <HANDLE>",
    "QQ 123456789": "QQ <HANDLE>", "QQ群：123456789": "QQ群：<HANDLE>", "wechat id: foobar": "wechat id: <HANDLE>",
    "follow @some_user now": "follow <HANDLE> now",
    "user@exämple.de": "<EMAIL>", "jane.doe (at) example.com": "<EMAIL>", "jane[at]example[dot]co[dot]uk ok": "<EMAIL> ok",
    "加v：abc_12345": "加v：<HANDLE>", "薇❤：abc12345": "薇❤：<HANDLE>", "passport no. G12345678": "passport no. <ID>",
    "护照号码E12345678，": "护照号码<ID>，", "SSN: 078-05-1120": "SSN: <ID>", "IBAN DE89 3704 0044 0532 0130 00": "IBAN <CARD>",
    "Call 1-800-555-0199": "Call <PHONE>", "https://weibo.com/u/1234567890": "https://weibo.com/u/<HANDLE>",
    "身份证号：１１０１０５１９４９１２３１００２Ｘ": "身份证号：<ID>", "０２１－６５４３２１００": "<PHONE>",
    "@小明 你好": "<HANDLE> 你好", "我的微信号是zhang_san": "我的微信号是<HANDLE>",
    "(138)12345678": "<PHONE>", "（138）1234-5678": "<PHONE>", "1 3 8 1 2 3 4 5 6 7 8": "<PHONE>", "1-3-8-1-2-3-4-5-6-7-8!": "<PHONE>!",
    "13812345678/13912345678": "<PHONE>/<PHONE>", "13812345678,13912345678": "<PHONE>,<PHONE>", "138.1234.5678": "<PHONE>",
    "一三八一二三四五六七八": "<PHONE>", "电话 壹叁捌 1234 5678": "电话 <PHONE>", "01062345678": "<PHONE>", "075586543210": "<PHONE>",
    "call 07700 900123": "call <PHONE>", "(0)20 7946 0958": "<PHONE>", "020 7946 0958": "<PHONE>", "090-1234-5678": "<PHONE>",
    "212.555.0187": "<PHONE>", "0086 13812345678": "<PHONE>",
    "192.168.1.10": "<IP>", "203.0.113.45:8080": "<IP>:8080", "IP地址：8.8.4.4": "IP地址：<IP>", "server 10.2.3.4": "server <IP>",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334": "<IP>", "fe80::1ff:fe23:4567:890a": "<IP>",
    "加我微信 lihua": "加我微信 <HANDLE>", "知乎ID lihua": "知乎ID <HANDLE>", "IG: li.hua.99": "IG: <HANDLE>", "ins：lihua99": "ins：<HANDLE>",
    "discord: lihua#1234": "discord: <HANDLE>", "discord: li_hua#1234": "discord: <HANDLE>", "wxid_a1b2c3d4e5f6": "<HANDLE>",
    "微博@李华": "微博<HANDLE>", "新浪微博 ID: lihua123": "新浪微博 ID: <HANDLE>", "抖音号：dy12345678": "抖音号：<HANDLE>", "支付宝 13812345678": "支付宝 <HANDLE>",
    "身份证 110105 19491231 002X": "身份证 <ID>", "身份证号码：110105194912310021": "身份证号码：<ID>", "身份证号 110105491231002": "身份证号 <ID>",
    "银行卡号：6222021234567890123": "银行卡号：<CARD>", "card number 1234 5678 9012 3456": "card number <CARD>",
    "jane at example dot com": "<EMAIL>", "linkedin.com/in/jane-doe": "linkedin.com/in/<HANDLE>",
}
LEFT = [
    "in 1998-2003 and 2019-2020", "on 2024-12-31 at 10:20:30.500",
    "¥12,345.00 and $1,234,567.89", "00:01:02,500 --> 00:01:04,000",
    "1920x1080@60 @2x @5pm", "ISBN 978-7-111-40701-0", "ISBN 9787111407010", "pi 3.14159265358979", "0.13812345678",
    "population 1400000000", "GDP 12345678901234", "version 1.13.1.2", "用微信支付", "QQ音乐", "The wechat group likes tea",
    "telegram was sent", "微信公众号推荐", "phone 12 pro", "call 911", "iPhone 15 2023", "13 812 345 678 people", "2001:db8::1",
    "ratio 16:9 in 1080p", "138.12345678", "1 2 3 4 5 6 7 8 9 10 11", "(2019)12345678号", "2024-01-15 12:30:45", "20240115123045",
    "1700000000", "1700000000000", "Windows 10.0.22621", "Chrome 91.0.4472.124", "macOS 10.15.7", "v2.10.104.200", "127.0.0.1", "255.255.255.0",
    "section 1.2.3.4", "00:11:22:33", "std::vector<a::b>", "::1", "12:30", "insurance2020", "Twitter: popular app", "IG is fun",
    "DOI 10.1234/abc.2020.12345678", "京ICP备12345678号", "Boeing 737-800", "$1,700,000,000", "一二三四五六七八九", "二零二四年一月", "card 12",
    "Facebook: yes", "no account 2019", "电话是1876年发明的", "手机 2023 年销量", "1234 5678 9012 3456", "价格 13800 元", "phone 2019-2020",
    "c++@home", "+100.000.000 views", "DE89 3704 0044 0532 0130 01", "look at example.com", "at 10 dot 5", "x.com/ is a site",
    "WeChat: popular app", "11010519491231002Y", "110105194912310021", "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。",
]


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_personal_data_is_masked(text, masked):
    assert mask(text) == (masked, masked.count("<"))


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_is_left(text):
    assert mask(text) == (text, 0)


def citizen(rng: random.Random) -> str:
    body = f"{rng.choice([110105, 440301, 310115])}{rng.randint(1940, 2015)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    body += f"{rng.randint(0, 999):03}"
    total = sum(int(c) * w for c, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return body + "10X98765432"[total % 11]


def card(rng: random.Random) -> str:
    body = rng.choice(["4", "51", "622"]) + "".join(rng.choices("0123456789", k=15))
    body = body[:15]
    for check in "0123456789":
        digits = [int(c) for c in body + check]
        if sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits))) % 10 == 0:
            return body + check
    raise AssertionError


def mobile(rng: random.Random) -> str:
    digits = f"1{rng.randint(3, 9)}{rng.randint(0, 10**9 - 1):09}"
    gap = rng.choice(["", "-", " "])
    return rng.choice(["", "+86 ", "86-"]) + gap.join((digits[:3], digits[3:7], digits[7:]))


def email(rng: random.Random) -> str:
    return f"{''.join(rng.choices('abcdefghij', k=8))}{rng.randint(10, 99)}@{rng.choice(['qq.com', 'mail.example.org'])}"


@given(st.integers(0, 10**9), st.sampled_from([citizen, card, mobile, email]),
       st.sampled_from([("请联系 ", "，谢谢"), ("reach me: ", " any time"), ("", ""),
                        ("（", "）"), ("号码", "。"), ("x\n", "\ny")]))
def test_no_number_survives_wherever_it_stands(seed, make, around):
    number = make(random.Random(seed))
    text, count = mask(around[0] + number + around[1])
    assert count == 1
    assert number not in text
    assert not any(c.isdigit() for c in text)
    assert text.startswith(around[0])
    assert text.endswith(around[1])


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200)
       | st.text(alphabet="0123456789 -+().@微信qQ:", max_size=60))
def test_masking_leaves_nothing_to_mask(text):
    once, _ = mask(clean(text))
    assert mask(once) == (once, 0)


@given(st.text(max_size=200))
def test_cleaned_text_can_be_stored_and_is_stable(text):
    once = clean(text)
    once.encode("utf-8")
    assert "\0" not in once
    assert "\r" not in once
    assert clean(once) == once


def test_signs_that_hide_a_number_are_taken_out_before():
    assert mask(clean("138\u200b1234\u200b5678"))[0] == "<PHONE>"
