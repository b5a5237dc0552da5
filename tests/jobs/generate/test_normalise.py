"""What is said for what is written. The right-hand sides were written by hand or read and approved one by one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.generate import chinese, normalise

ZH = """
2026年11月26日，我们出发了。 | 二零二六年十一月二十六日，我们出发了。
1998年出生的他今年28岁。 | 一九九八年出生的他今年二十八岁。
98年的夏天特别热。 | 九八年的夏天特别热。
20世纪90年代的歌曲。 | 二十世纪九十年代的歌曲。
2010年代 | 二零一零年代
2026/11/26 | 二零二六年十一月二十六日
2026.11.26 | 二零二六年十一月二十六日
11月26日上午9:30开会 | 十一月二十六日上午九点三十分开会
会议在14:05开始，15:30结束。 | 会议在十四点零五分开始，十五点三十分结束。
下午3点半 | 下午三点半
3:00见面 | 三点整见面
12:30:45 | 十二点三十分四十五秒
9:00-18:00营业 | 九点到十八点营业
营业时间9:00～21:30 | 营业时间九点到二十一点三十分
第3名 | 第三名
3-5天 | 三到五天
3到5天 | 三到五天
10~20℃ | 十到二十摄氏度
气温-5℃到3℃ | 气温负五摄氏度到三摄氏度
零下5度 | 零下五度
37.5℃ | 三十七点五摄氏度
增长了3.5% | 增长了百分之三点五
0.01% | 百分之零点零一
下降5%-10% | 下降百分之五到百分之十
百分比100% | 百分比百分之一百
1/2的人 | 二分之一的人
3/4杯水 | 四分之三杯水
比分3:2 | 比分三比二
比例1:100 | 比例一比一百
2:1领先 | 二比一领先
¥99.9 | 九十九点九元
￥1,299 | 一千二百九十九元
$20 | 二十美元
US$500 | 五百美元
€15 | 十五欧元
£8 | 八英镑
5.5元 | 五点五元
100万元 | 一百万元
3.2亿人 | 三点二亿人
1.5万 | 一点五万
2万多人 | 两万多人
1,234,567 | 一百二十三万四千五百六十七
1000000 | 一百万
105 | 一百零五
1005 | 一千零五
10050 | 一万零五十
100500 | 十万零五百
20020 | 两万零二十
2个苹果 | 两个苹果
2两酒 | 二两酒
2米 | 两米
2000米 | 两千米
200 | 二百
202房间 | 二零二房间
房间号1203 | 房间号一二零三
电话010-62345678 | 电话零一零六二三四五六七八
电话13812345678 | 电话一三八一二三四五六七八
+86 138 1234 5678 | 八六一三八一二三四五六七八
拨打110 | 拨打一一零
拨打12345 | 拨打一二三四五
400-800-1234 | 四零零八零零一二三四
第2天 | 第二天
2天 | 两天
下午2点见 | 下午两点见
凌晨2:30 | 凌晨两点三十分
2分钟 | 两分钟
2层楼 | 两层楼
住在2层 | 住在二层
22点 | 二十二点
第2点 | 第二点
2年 | 两年
2月 | 二月
2号 | 二号
12号楼 | 十二号楼
A4纸 | A四纸
5G网络 | 五G网络
4K视频 | 四K视频
1080P | 一零八零P
3D打印 | 三D打印
iPhone 15 Pro | iPhone 十五 Pro
COVID-19 | COVID 十九
PM2.5超过100 | PM二点五超过一百
CO2排放 | CO二排放
5km | 五公里
5 km/h | 五公里每小时
120km/h | 一百二十公里每小时
60公里/小时 | 六十公里每小时
100kg | 一百公斤
1.75m | 一点七五米
5m² | 五平方米
100㎡ | 一百平方米
20m³ | 二十立方米
16GB内存 | 十六吉字节内存
3.0GHz | 三点零吉赫兹
220V | 二百二十伏
10kW·h | 十千瓦时
3+5=8 | 三加五等于八
10-3=7 | 十减三等于七
2×3=6 | 二乘三等于六
6÷2=3 | 六除以二等于三
≥18岁 | 大于等于十八岁
±5 | 正负五
≈3.14 | 约等于三点一四
50%的人说“是” | 百分之五十的人说“是”
3.8妇女节 | 三八妇女节
618大促 | 六一八大促
双11 | 双十一
9·11事件 | 九一一事件
-10 | 负十
GDP增长6.1%，达到114.4万亿元。 | GDP增长百分之六点一，达到一百一十四点四万亿元。
No.1 | 第一
①②③ | 一 二 三
½杯 | 二分之一杯
5² | 五的平方
10³ | 十的立方
IPv6 | IPv六
3~5岁 | 三到五岁
1990-2020年 | 一九九零到二零二零年
2020-2026年 | 二零二零到二零二六年
90后 | 九零后
00后 | 零零后
80、90年代 | 八十、九十年代
第1、2、3名 | 第一、二、三名
2026Q1 | 二零二六Q一
18:00 | 十八点整
08:05 | 八点零五分
8时30分 | 八时三十分
1h30min | 一小时三十分钟
5分钟 | 五分钟
身高1米75 | 身高一米七五
1.2.3版本 | 一点二点三版本
v2.0 | v二点零
192.168.1.1 | 一九二点一六八点一点一
100% 棉 | 百分之一百 棉
20 % | 百分之二十
10—20人 | 十到二十人
5+人 | 五多人
100+ | 一百多
007 | 零零七
911 | 九百一十一
1949年10月1日 | 一九四九年十月一日
公元前221年 | 公元前二百二十一年
1840—1842年 | 一八四零到一八四二年
北纬30° | 北纬三十度
东经120°15′ | 东经一百二十度十五分
海拔8848.86米 | 海拔八千八百四十八点八六米
海拔5,000m | 海拔五千米
5万-10万元 | 五万到十万元
￥5-8万 | 五到八万元
2018-2020 | 二零一八到二零二零
5～8岁 | 五到八岁
2 个 | 两个
6·1儿童节 | 六一儿童节
2026世界杯 | 二零二六世界杯
12月25-27日 | 十二月二十五到二十七日
100005000 | 一亿零五千
500001200元 | 五亿零一千二百元
选项1,2,3 | 选项一，二，三
2,5 | 二，五
1,2345 | 一，两千三百四十五
-3℃~5℃ | 负三摄氏度到五摄氏度
-3℃~-1℃ | 负三摄氏度到负一摄氏度
50kg~60kg | 五十公斤到六十公斤
2m-3m | 两米到三米
快打110 | 快打一一零
打120分 | 打一百二十分
₹500 | 五百卢比
"""
EN = """
On 26 November 2026 we left. | On the twenty-sixth of November twenty twenty-six we left.
Nov 26, 2026 | November twenty-sixth, twenty twenty-six
26th November | the twenty-sixth of November
11/26/2026 | November twenty-sixth, twenty twenty-six
26/11/2026 | November twenty-sixth, twenty twenty-six
the 1990s | the nineteen nineties
the '90s | the nineties
the 1980s and 90s | the nineteen eighties and nineties
the 101st | the one hundred and first
In 1066 | In ten sixty-six
In 2010 | In twenty ten
1999-2005 | nineteen ninety-nine to two thousand and five
1500 people | one thousand five hundred people
2000 people | two thousand people
2026 people | two thousand and twenty-six people
1234 Main Street | twelve thirty-four Main Street
It costs 1500 dollars. | It costs one thousand five hundred dollars.
$5.50 | five dollars and fifty cents
$1.05 | one dollar and five cents
$0.99 | ninety-nine cents
$1,000 | one thousand dollars
$3.5 million | three point five million dollars
$2bn | two billion dollars
$20k | twenty thousand dollars
€15 | fifteen euros
£8.50 | eight pounds and fifty pence
¥100 | one hundred yuan
US$500 | five hundred US dollars
3.5% | three point five percent
5-10% | five to ten percent
-5°C | minus five degrees Celsius
25°C | twenty-five degrees Celsius
98.6°F | ninety-eight point six degrees Fahrenheit
5 km | five kilometres
1 km | one kilometre
10 km/h | ten kilometres per hour
60 mph | sixty miles per hour
6 ft | six feet
5 ft 10 in | five feet ten inches
6'2" | six foot two
3 lbs | three pounds
5 oz | five ounces
250 ml | two hundred and fifty millilitres
1 L | one litre
5 GHz | five gigahertz
220 V | two hundred and twenty volts
5 m² | five square metres
5 m2 | five square metres
1/2 cup | one half cup
3/4 of them | three quarters of them
2/5 | two fifths
1 ½ cups | one and one half cups
5:30 pm | five thirty P M
5:30pm | five thirty P M
12:00 | twelve o'clock
12:05 AM | twelve oh five A M
9 am | nine A M
9am | nine A M
10 a.m. | ten A M
17:45 | seventeen forty-five
9:00-17:00 | nine o'clock to seventeen o'clock
9-5 | nine to five
3-2 | three to two
3:2 | three to two
1,234,567 | one million two hundred and thirty-four thousand five hundred and sixty-seven
1234567 | one million two hundred and thirty-four thousand five hundred and sixty-seven
1 000 000 | one million
0.5 | zero point five
.5 | zero point five
3.14159 | three point one four one five nine
007 | zero zero seven
555-1234 | five five five, one two three four
(555) 123-4567 | five five five, one two three, four five six seven
+1 555 123 4567 | one, five five five, one two three, four five six seven
555-123-4567 | five five five, one two three, four five six seven
call 1-800-555-0199 | call one, eight zero zero, five five five, zero one nine nine
Flight BA249 | Flight BA two four nine
COVID-19 | COVID nineteen
MP3 | MP three
4K | four K
1080p | ten eighty p
24/7 | twenty-four seven
U.S. | U S
e.g. this | for example this
i.e. that | that is that
vs. | versus
No. 1 | number one
#1 | number one
A&B | A and B
R&D | R and D
@home | at home
user@example.com | user at example dot com
C++ | C plus plus
C# | C sharp
50+ people | fifty plus people
x = 5 | x equals five
2 + 2 = 4 | two plus two equals four
10 - 3 = 7 | ten minus three equals seven
2 x 3 | two by three
5 × 3 | five by three
6 ÷ 2 | six divided by two
3^2 | three squared
5² | five squared
±5 | plus or minus five
≈5 | about five
<5 | less than five
≥18 | at least eighteen
≤10 | at most ten
1st | first
1st-2nd | first to second
Chapter IV | Chapter four
World War II | World War two
Queen Elizabeth II | Queen Elizabeth the second
Area 51 | Area fifty-one
Catch-22 | Catch twenty-two
10–15 people | ten to fifteen people
1.2.3 | one point two point three
v2.0 | version two point zero
192.168.1.1 | one hundred and ninety-two point one hundred and sixty-eight point one point one
5,000m | five thousand metres
100s of people | hundreds of people
and/or | and or
he/she | he or she
w/ cheese | with cheese
5 kWh | five kilowatt hours
12 dB | twelve decibels
100 px | one hundred pixels
5th St. | fifth Street
March 5-7, 2026 | March fifth to March seventh, twenty twenty-six
at 7.30pm | at seven thirty P M
a 5-km run | a five-kilometre run
$5-10 | five to ten dollars
-10 to -5°C | minus ten to minus five degrees Celsius
1 1/2 hours | one and one half hours
x² + y² = z² | x squared plus y squared equals z squared
Louis XIV and Malcolm X | Louis the fourteenth and Malcolm X
12%-15% | twelve to fifteen percent
Rooms 1,2,3 | Rooms one, two, three
Press 1,2 or 3 | Press one, two or three
2,5 | two, five
1,00,000 people | one hundred thousand people
In 2024, 3,000 came. | In twenty twenty-four, three thousand came.
B2B | B two B
HK$5 | five Hong Kong dollars
₹1,500 | one thousand five hundred rupees
$5/month | five dollars per month
$3.5 million/year | three point five million dollars per year
$20k/year | twenty thousand dollars per year
9am-5pm | nine A M to five P M
9 a.m. – 5:30 p.m. | nine A M to five thirty P M
9:30am-5pm | nine thirty A M to five P M
"""


def table(text: str) -> list[tuple[str, str]]:
    return [(written.strip(), said.strip()) for written, _, said in (line.partition(" | ") for line in text.strip().splitlines())]


@pytest.mark.parametrize(("written", "said"), table(ZH))
def test_chinese_is_said(written: str, said: str) -> None:
    assert normalise.spoken(written, "zh") == said


@pytest.mark.parametrize(("written", "said"), table(EN))
def test_english_is_said(written: str, said: str) -> None:
    assert normalise.spoken(written, "en") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026年", "二零二六年"),
        ("100年以后", "一百年以后"),
        ("2026-11-24", "二零二六年十一月二十四日"),
        ("涨了20%", "涨了百分之二十"),
        ("-5℃", "负五摄氏度"),
        ("10203个", "一万零二百零三个"),
        ("2个人", "两个人"),
        ("12个", "十二个"),
        ("3.14", "三点一四"),
        ("10:05", "十点零五分"),
        ("8:00", "八点整"),
        ("5km", "五公里"),
        ("120km/h", "一百二十公里每小时"),
        ("¥99", "九十九元"),
        ("13800138000", "一三八零零一三八零零零"),
        ("3-5天", "三到五天"),
        ("7~10个", "七到十个"),
        ("1,000,000元", "一百万元"),
        ("100000001", "一亿零一"),
        ("110", "一百一十"),
        ("10010", "一万零一十"),
        ("0.5", "零点五"),
        ("**重点**", "重点"),
    ],
)
def test_chinese_is_written_out(text: str, said: str) -> None:
    assert normalise.spoken(text, "zh") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("In 2026", "In twenty twenty-six"),
        ("1905", "nineteen oh five"),
        ("2005", "two thousand and five"),
        ("1,203.5", "one thousand two hundred and three point five"),
        ("20%", "twenty percent"),
        ("-5℃", "minus five degrees Celsius"),
        ("1 km", "one kilometre"),
        ("50 km of", "fifty kilometres of"),
        ("2026-11-24", "November twenty-fourth, twenty twenty-six"),
        ("7:05", "seven oh five"),
        ("9:00", "nine o'clock"),
        ("$5", "five dollars"),
        ("the 21st", "the twenty-first"),
        ("the 1990s", "the nineteen nineties"),
        ("3-5 days", "three to five days"),
        ("100 feet", "one hundred feet"),
        ("12th", "twelfth"),
        ("30th", "thirtieth"),
        ("R&D", "R and D"),
        ("`code` **bold**", "code bold"),
        ("3,000 people", "three thousand people"),
    ],
)
def test_english_is_written_out(text: str, said: str) -> None:
    assert normalise.spoken(text, "en") == said


@given(st.text(alphabet="0123456789.,%℃-: kmg年月日个$¥abc", max_size=40), st.sampled_from(["zh", "en", "yue"]))
def test_no_digit_is_left_to_the_voice(text: str, lang: str) -> None:
    assert not any(c in "0123456789" for c in normalise.spoken(text, lang))


@given(st.integers(0, 10**16 - 1))
def test_a_chinese_number_can_be_read_back(value: int) -> None:
    assert read_chinese(chinese.number(str(value))) == value


@given(st.text("0005", min_size=1, max_size=15))
def test_a_zero_is_said_for_a_run_of_them_but_not_for_the_end_of_a_group(zeros: str) -> None:
    """Runs between two other digits: 十万一千 has none, since its 0 ends the group of 万; a whole group of 0 is said once."""
    written = f"5{zeros}"
    runs = [(len(written) - 1 - m.start(), len(written) - m.end()) for m in re.finditer("0+(?=5)", written)]
    said = sum(low % 4 != 0 or high - low >= 3 for high, low in runs)
    assert chinese.number(written).count("零") == said
    assert read_chinese(chinese.number(written)) == int(written)


def read_chinese(words: str) -> int:
    """The value of a Chinese number: powers of 10 000 apart, each group read by its own units."""
    total = 0
    for power, unit in ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1, "")):
        group, found, rest = words.partition(unit) if unit else (words, "", "")
        if unit and not found:
            continue
        total += power * read_group(group)
        words = rest
    return total


def read_group(words: str) -> int:
    words = words.replace("两", "二")
    value = digit = 0
    for c in words:
        if c in "十百千":
            value += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[c]
            digit = 0
        else:
            digit = "零一二三四五六七八九".index(c)
    return value + digit
