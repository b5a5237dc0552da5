"""How much of a text is boilerplate: notices, navigation, calls to sign in or to subscribe, errors; English and Chinese, of both scripts.

Three kinds of sign, so that a text that only speaks of the thing stays ("a neon sign in the rain", "未经授权的无人机"): phrases that stand in
boilerplate alone, phrases that prose has too and that make boilerplate two together or where they are most of the line, and the words of
navigation bars, which count where a line consists of them. Source: C4's list (Raffel et al. 2020, section 2.2) and what pages, players and
channels write in both languages.
"""

import re
import unicodedata

import regex

from jobs.clean.words import words

LINE_WORDS = 30
"""A longer line, an ideograph being half a word, is looked at sentence by sentence: prose that mentions the thing is not the thing itself."""

_SITES = r"(?:instagram|facebook|twitter|x|tiktok|youtube|linkedin|pinterest|patreon|twitch|discord|telegram|whatsapp|reddit|weibo|wechat|threads|spotify|social)\b"
_REQUEST = r"(?:please|don'?t forget to|remember to|(?:make|be) sure (?:to|you)|consider|hit|smash|press|click|tap)\b"
_ENGLISH = (
    # cookies, privacy and terms
    r"(?:(?:web)?sites?|pages?|apps?|services?)\b[^.]{0,20}\b(?:use|set|store|place)s?\b[^.]{0,30}\bcookies"
    r"|we (?:and our partners )?(?:use|store|set) (?:(?:our|own|first-party|third-party|necessary|essential|functional|tracking|session|and|similar|technologies|such as|like) )*cookies\b(?! (?:as|in|from|with|instead)\b)"
    r"|use of (?:(?:our|these|such|any|all|third-party|necessary|essential|similar|tracking|browser) ){0,2}cookies"
    r"|(?:accept|allow|enable|manage|reject|decline)(?: all)?(?: our| your)?(?: (?:non-)?(?:essential|necessary|optional|third-party))? cookies?\b"
    r"|cookies? (?:policy|settings?|preferences|notice|consent|statement)\b|your privacy (?:is|matters)|value your privacy"
    r"|do not sell my (?:personal|data|info)"
    r"|(?:by|when) (?:continu|us|brows|click|visit|access|sign|subscrib|regist)ing\b[^.]{0,80}\byou (?:\w+ )?(?:agree|consent|accept)"
    r"|you (?:agree|consent) to our\b",
    # rights
    r"all rights reserved|(?:re(?:production|distribution|publication|printing|use|uploading))\b[^.]{0,60}\b(?:prohibited|forbidden|not permitted|not allowed)"
    r"|for (?:educational|informational?|entertainment|research)(?: and \w+)? purposes only|not (?:medical|legal|financial|investment) advice",
    # accounts
    r"(?:must|need to|have to|please|required to) (?:be )?(?:sign(?:ed)?|log(?:ged)?)[ -]?in\b"
    r"|sign(?:ed)?[ -]up (?:now|today|for (?:free|our|updates|news|alerts|(?:the|a) newsletter))"
    r"|(?:sign(?:ed)?|log(?:ged)?)[ -]?(?:in|up) (?:here |now )?(?:to (?:continue|view|see|read|watch|access|post|comment|reply|leave|unlock|save|your)|(?:with|via) (?:google|facebook|apple|e-?mail|your))"
    r"|(?:forgot(?:ten)?|lost) (?:your |my )?password|create (?:an|a new|your)(?: free)? account(?! of)"
    r"|already (?:a (?:member|subscriber)|have an account|registered\?)"
    r"|session has (?:expired|timed out)|register (?:now|here|to (?:continue|comment|post|reply|view))",
    # channels
    r"subscribe (?:(?:to|for) (?:(?:my|our|this|the) )?(?:youtube )?(?:channel|newsletter|podcast|feed|blog|mailing|more|unlimited|updates|free)|now\b|today\b|below\b|here\b)"
    r"|unsubscribe (?:at any|any|here|from (?:this|these|our) )"
    r"|(?:like|comment|share|follow)(?:,? (?:and |& )?(?:like|comment|share|follow))*,? ?(?:and|&|\+) subscribe\b"
    rf"|{_REQUEST}[^.!?]{{0,40}}\bsubscrib(?:e|ing)\b"
    rf"|(?:hit|smash|click|press|tap|leave|drop)(?: on)? (?:the|that|this|a) (?:(?:like|subscribe)\b|bell icon|notification|thumbs[ -]up)"
    r"|bell icon\b|like button\b|turn on (?:\w+ )?notifications\b|(?:follow|find|join|support) us on " + _SITES + rf"|{_REQUEST} (?:to )?follow (?:me|us)\b"
    r"|links? (?:is |are )?in (?:the |my )?(?:bio|description|profile)\b|(?:use|with) (?:my )?(?:(?:promo|discount|coupon) code|code (?=\w*\d)\w+)\b"
    r"|thanks? (?:you )?(?:so much |all )?for watching(?! (?:the|my|our|over|him|her|them)\b)|see you (?:\w+ )?in the next (?:one|video|episode)\b"
    r"|our (?:\w+ )?newsletter\b"
    r"|^(?:subtitles?|captions?|captioning|transcript|transcription)(?: \w+)? by\b|amara\.org\b",
    # navigation and shops
    r"click here\b|click (?:on )?the link\b|skip to (?:main )?content|back to top\b|read more ?(?:[»>]|\.{2})|^continue reading\b"
    r"|leave a (?:reply|comment)(?= below| down|\W*$)"
    r"|email address will not be|required fields\b|be the first to (?:comment|review)|filed under:|^filed under\b"
    r"|share this (?:post|article|page|entry)\b|^share (?:on|to|via) "
    r"|(?:e-?mail|print|tweet) this (?:article|page|post)|download (?:the|our) (?:\w+ )?app\b|get the app\b|get it on google play|on the app store\b"
    r"|powered by (?:wordpress|blogger|shopify|discuz|phpbb|vbulletin|wix|squarespace|drupal|joomla|hexo|hugo|disqus|typecho|mediawiki|jekyll)\b"
    r"|add to (?:cart|basket|wishlist)|free (?:shipping|delivery) (?:on|for)\b|proceed to checkout",
    # errors and browsers
    r"(?:page|file|article|video)(?: (?:that )?you(?:'re| are| were) looking for|(?: was| could| can)?(?: ?not)(?: be)? found(?! (?:in|by|at|on|until|for)\b))"
    r"|404 (?:not found|error|page)|error 404|403 forbidden"
    r"|access (?:to this \w+ )?(?:is |has been )?denied\b|you (?:do not|don't) have (?:permission|access) to\b"
    r"|not authori[sz]ed to (?:view|access)\b|(?:content|video|page|article) is (?:not available|unavailable|no longer available|private)\b"
    r"|please (?:try again|reload|refresh)|internal server error|bad gateway|verify (?:that )?you are (?:a )?human"
    r"|your browser (?:does|doesn't|is|has|settings|version)|(?:upgrade|update) (?:to a|your) (?:modern |newer )?browser"
    r"|(?:enabled?|disabled?|requires?|turn on|without) (?:\w+ )?javascript\b"
    r"|javascript (?:\w+ )?(?:\w+ )?(?:disabled|enabled|required|turned off|not supported)",
    r"lorem ipsum|dolor sit amet|consectetur adipisc|ut enim ad minim|duis aute irure|excepteur sint|sed ut perspiciatis",
)
_ITEM = r"(?:点赞|按赞|关注|追踪|收藏|转发|评论|留言|订阅|投币|打赏|分享|三连)"
_PLEASE = r"(?:[请求吧哦喔呀啦]|记得|别忘|不要忘|欢迎|帮忙|麻烦|不吝|多多|喜欢|觉得|不迷路|[给帮]我)"
_CHINESE = (
    # channels
    rf"^(?=.*{_PLEASE}).*{_ITEM}(?:一下)?[\s,、+&/和加与及跟]*(?:再|并)?{_ITEM}(?![量数率都均超破达过])"
    r"|(?:请|求|记得|别忘了?|不要忘记?|麻烦|帮忙|欢迎|不吝|双击|点个|[给帮]我|给个)[^,。!?为]{0,6}(?:点赞|按赞|点个?(?:小?红?心|赞)|三连|投币|小铃铛|打赏)"
    r"|一键三连|求三连|订阅我们?的?频道|点亮\w{0,2}(?:小红心|小心心|爱心)|(?:打开|开启|点击|按下)\w{0,3}小铃铛"
    r"|(?:点[击个点]|[右左]上角|[上下]方|记得|欢迎|求|扫码|长按|搜索|别忘了?|快来|立即|感谢|谢谢|更多\w{0,6}请)[^,。!?]{0,8}关注(?=$|[我本哦吧啦喔呀加和与、,。!? ~]|公众|微信|频道|账号|up)"
    r"|(?:^|[,。!? ]|请\w{0,2})关注我们?(?=$|[,。!? ])|关注(?:微信)?公众号|关注(?:本频道|本号|up主|主播|不迷路)"
    r"|(?:谢谢|感谢)(?:您|大家|各位)?的?[观收]看|下期(?:节目|视频)?再?见|下个?视频再?见"
    r"|长按[^,。]{0,6}二维码|[扫识][^,。]{0,8}二维码[^,。]{0,6}(?:关注|加入|进群|入群|领取|添加|下载|获取|咨询)|扫码(?:关注|加(?:群|微信|我|入)|[进入]群|领(?:取)?(?:资料|优惠|红包|福利)|下载|咨询|添加)"
    r"|回复[\"“「『\[]\w{1,8}[\"”」』\]][^。]{0,6}(?:领取|获取|免费|即可|拉你)|回复\w{1,8}(?:领取|获取)|(?:广告|商务)(?:合作|投放)[^。]{0,6}(?:请|联系|私信|加|微信|邮箱|:)"
    r"|字幕(?:由|by|:)|^字幕\s*(?:志愿者|校对|制作)",
    # rights and disclaimers
    r"版权所有(?![者人权])|版权归\w{1,12}所有|翻印必究|侵权必究|保留(?:所有|一切|全部|最终解释)权|(?:不得|禁止|严禁|请勿|谢绝|勿)(?:擅自|私自|任意|随意|以任何形式)?(?:转载|搬运(?=$|[本视,。!?、和及或])|盗用|盗图|复制|摘编|商用)"
    r"|未经[^,。]{0,12}(?:授权|许可|允许|同意),?\s*(?:不得|严禁|禁止|请勿|谢绝)|转载(?:请|需|须|必须)|侵权?(?:请\w{0,2})?(?:联系)?[立即必]{0,2}删|侵权请?联系|如有侵权"
    r"|(?:图片|文章|内容|视频|素材|本文)(?:均?来[自源]于?(?:网络|互联网)|转[自载])"
    r"|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]icp|icp[备证]|公网安备|备案号|增值电信业务"
    r"|免责声明\s*:|[不仅]代表\w{0,6}(?:作者|本人|个人|本站|平台)|与本(?:站|网|平台|公众号)\w{0,3}无关|不构成\w{0,4}(?:建议|意见)|投资有风险"
    r"|本(?:网站|站|文|项目|程序|软件|平台|资源|内容)[^。]{0,24}(?:仅供|不承担)|仅供(?:个人)?(?:学习|交流|研究)|不得用于商业|禁止商用"
    r"|即(?:表示|视为|代表)\w{0,3}(?:同意|接受)|同意\w{0,6}(?:隐私|协议|条款|cookie)|(?:使用|接受|启用|允许|拒绝)\s*cookie|cookies?\s*(?:政策|设置)",
    # accounts, navigation, applications
    r"请先(?:登[录陆入]|注册)|(?:请(?:登[录陆入]|注册)|(?:需要?|重新|尚未|还没有|未)登[录入])(?=会员|账号|帐号|即可|才|$|[后,。!? ])|登[录入](?:后|即可|才能)\w{0,2}(?:查看|评论|回复|发表|继续)"
    r"|登[录陆入](?:状态)?已?(?:过期|失效)|忘记密码"
    r"|立即(?:注册|登[录入]|下载|购买|抢购|咨询|预约|领取)(?![了过一这那])|点击(?:这里|此处|查看|下载|[右左]上|[上下]方|文末|链接|关注|领取|购买|了解|阅读|订阅)"
    r"|当前的?位置\s*:|[上下]一[篇章页]\s*:|返回(?:首页|顶部|列表)|分享[到至]\s*(?::|$)"
    r"|(?:下载|打开|安装|前往|进入)[^,。!?]{0,8}(?:app|客户端|小程序)[^。]{0,8}(?:更多|全文|完整|精彩|领取|体验更|内打开)|下载[^,。!?]{0,8}(?:app|客户端)[^。]{0,4}观看"
    r"|(?:^|立即|马上|扫码)下载\w{0,6}(?:app|客户端)(?=$|[,。!? ])",
    # errors and browsers
    r"(?:页面|网页|内容|视频|文章)(?:不存在|已被?(?:删除|下架)|无法(?:访问|显示|找到|播放)|走丢|找不到)|(?:正在|自动|即将|秒后)\w{0,2}跳转|请稍[后候](?:再试|重试)|网络(?:异常|错误),?请"
    r"|浏览器(?:版本)?(?:过低|太低|较低|不支持)|(?:升级|更换|更新)(?:您的)?浏览器|(?:启用|开启|打开|不支持|禁用)(?:浏览器的?)?\s*javascript",
)
_ALONE_ENGLISH, _ALONE_CHINESE = re.compile(rf"\b(?:{'|'.join(_ENGLISH)})"), re.compile("|".join(_CHINESE))
"""Of the standard library, and with one word boundary before all: ten times as fast."""
_TOGETHER = regex.compile(
    r"\bterms (?:of (?:use|service)|(?:&|and) conditions)\b|\bprivacy (?:policy|notice|statement)\b"
    r"|(?:©|\(c\)|\bcopyright)(?: (?:©|\(c\)))? ?(?:19|20)\d\d|\b(?:contact|about) us\b|\bunsubscribe\b|\bnewsletter\b"
    r"|隐私权?政策|用户协议|[服使][务用]条款|免责声明|联[系络]我们|关于我们")
_BAR = regex.compile(
    r"home(?: ?page)?|(?:about|contact)(?: us)?|products?|services?|solutions|news|blog|press|careers|jobs|faqs?|help(?: cent(?:er|re))?|support"
    r"|search|menu|cart(?: \(\d+\))?|basket|checkout|shop"
    r"|log ?in|log ?out|sign (?:in|up|out)|register|(?:my )?account|remember me|site ?map|privacy(?: policy)?"
    r"|terms(?: of (?:use|service)| (?:&|and) conditions)?|legal|imprint|accessibility|cookies?"
    r"|accept(?: all)?|reject(?: all)?|decline|close|cancel|submit|back|next|prev(?:ious)?(?: post)?|next post"
    r"|(?:read|learn|view|show|load|see) (?:more|all)|share|tweet|print|pin it|comments?(?: \(\d+\))?|reply"
    r"|subscribe|unsubscribe|newsletter|follow|download|categories|archives?|tags|(?:recent|related|popular) (?:posts|articles)|settings"
    r"|manage preferences|rss|advertise|back to top|(?:share|follow)(?: us)? on \w+"
    r"|[回返]?回?首页|主页|关于我们|联[系络]我们|产品(?:中心|展示|介绍)|新闻(?:动态|中心|资讯)?|公司简介|[网站][站点]地图|人才招聘|加入我们|[服使][务用]条款|隐私权?政策|用户协议|免责声明|法律声明|帮助(?:中心)?|客服(?:中心)?"
    r"|在线客服|意见反馈|友情链接|广告服务|商务合作|(?:免费)?注册|登[录陆入]|退出|忘记密码\??|购物车|我的订单|[会个][员人]中心|搜索|菜单|(?:查看)?更多|查看全部|展开(?:全文)?|阅读(?:全文|原文)|收起|[上下]一[页篇章](?: ?暂无)?"
    r"|[尾末]页|返回(?:列表|顶部|目录)?"
    r"|打印(?:本页)?|关闭(?:窗口)?|分享[到至]?|(?:加入)?收藏(?:本站)?|设为首页|点赞|(?:发表)?评论|回复|举报|转发|订阅|关注|下载(?:app)?|微信|微博|朋友圈|qq空间|复制链接|扫一扫|手机版|电脑版|热门推荐"
    r"|相关(?:阅读|文章|推荐)|猜你喜欢|排行榜|目录|标签|不?同意|拒绝|接受|确定|取消")
_PARTS = regex.compile(r"\s*[|•·»›>→]\s*|\s+[-–—/]\s+|\s{2,}|(?<=\p{Han})\s+(?=\p{Han})")
_HAN = regex.compile(r"\p{Han}")
_SENTENCES = regex.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_SIMPLE = str.maketrans(
    "關註訂閱讚轉載權聯絡隱產動態頁網圖錄務條戶協議聲責頂發評論複製鏈連請點擊掃碼號觀謝頻鈴鐺開啟許經瀏覽購買領員會繼續為專個們這間電話簡體驗證過應說見內無學習參權圍別記歡幫給",
    "关注订阅赞转载权联络隐产动态页网图录务条户协议声责顶发评论复制链连请点击扫码号观谢频铃铛开启许经浏览购买领员会继续为专个们这间电话简体验证过应说见内无学习参权围别记欢帮给")
"""Traditional signs of the Chinese phrases as simplified ones."""

_QUOTED = re.compile(r"[\"“「『《][^\"“”「」『』《》]{1,60}[\"”」』》]")
_SCENE = re.compile(
    r"(?:an?|the|two|three|four|some|several|many|he|she|they|his|her|their|someone|close[ -]?up|screen recording|footage|(?:wide|aerial|slow[ -]motion|medium|tracking|night) (?:shot|view))\b"
    r"(?! (?:\w+ ){0,2}(?:(?:web)?sites?|pages?|articles?|stores?|shops?|apps?|newsletters?|links?|passwords?|content|polic(?:y|ies)|rights?|deals?|offers?|downloads?|versions?|reproduction|videos?)\b)"
    r"|.*(?:写[着下有]|[印刻画贴]着|显示|弹[出幕]|闪烁|屏幕|海报|黑板|[广告立]?牌|镜头|特写|画面|动画片?里|[男女]孩|[男女]人|老人|孩子|老师|店员|顾客|警察|小[猫狗熊]|[他她]们?(?!的?(?:频道|视频|公众号))|一[个只名位群])")
"""Begins or is in what tells of a scene."""
_TALK = re.compile(r"\b(?:you(?:r|rs)?|we|us|our|i|my|me|please|this (?:site|page|website|video|channel|article))\b|[请您你]|我们|大家|伙伴|本[站文号网页频]|欢迎|谢谢|感谢|记得|别忘|朋友们|[亲各]位?粉丝|侵权")
"""Speaks to who reads it, or of the page that it stands on."""
_DOES = re.compile(r"(?:[他她]们?|顾客|客人|店员|孩子|老人|[男女][孩人]|人们|[游乘]客|学着|正在|着)$")
"""Who does it, before what else is asked of the reader."""
_IMPERATIVE = re.compile(r"扫码|[扫识长].{0,8}二维码|点[击个]|一键三连|求|立即|下载|登[录陆入]|回复|转载|关注")
"""Of the Chinese phrases those that tell somebody to do something."""
SCENE_SHARE, SCENE_SIGNS = 0.4, 12
"""Share of a unit that its boilerplate has at most in a scene, and the signs that a scene has at least."""


def _is_scene(plain: str, share: float) -> bool:
    """Whether a unit tells of what is to be seen, words on a screen or a sign among it: of a third person, and to nobody, but for what is quoted.
    What begins a clause is asked of the reader, and so is what nobody in a Chinese scene is said to do."""
    said = _QUOTED.sub(" ", plain)
    asked = (said[:found.start()].rstrip() for found in (*_ALONE_ENGLISH.finditer(said), *_ALONE_CHINESE.finditer(said)))
    if any(before[-1:] in ("", *",。!?;:") for before in asked):
        return False
    if any(_IMPERATIVE.match(found.group()) and not _DOES.search(said[:found.start()]) for found in _ALONE_CHINESE.finditer(said)):
        return False
    return share <= SCENE_SHARE and len(plain) >= SCENE_SIGNS and bool(_SCENE.match(plain)) and not _TALK.search(said)


def boilerplate_share(text: str) -> float:
    """Lines that are boilerplate over lines that are not empty, 0..1; of a longer line than LINE_WORDS its sentences."""
    units = [unit for line in text.splitlines() if line.strip() for unit in _units(line)]
    return sum(map(_is_boilerplate, units)) / len(units) if units else 0.0


def _units(line: str) -> list[str]:
    return [line] if _size(line) <= LINE_WORDS else [part for part in _SENTENCES.split(line) if part.strip()]


def _size(unit: str) -> float:
    return len(words(unit)) - len(_HAN.findall(unit)) / 2


def _is_boilerplate(unit: str) -> bool:
    size = _size(unit)
    if size > LINE_WORDS:
        return False
    plain = unicodedata.normalize("NFKC", unit).lower().translate(_SIMPLE).replace("’", "'").strip()
    alone = [found for pattern in (_ALONE_ENGLISH, *((_ALONE_CHINESE,) if _HAN.search(plain) else ())) for found in pattern.finditer(plain)]
    if alone and not _is_scene(plain, sum(found.end() - found.start() for found in alone) / len(plain)):
        return True
    found = _TOGETHER.findall(plain)
    if len(found) > 1 or (found and 2 * _size(found[0]) >= size):
        return True
    parts = [part for part in _PARTS.split(plain) if part]
    return 2 * sum(bool(_BAR.fullmatch(part.strip(" .:"))) for part in parts) > len(parts)
