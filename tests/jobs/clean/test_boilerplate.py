"""Boilerplate and what only speaks of it, written apart from the phrases."""

import pytest

from jobs.clean.boilerplate import boilerplate_share

BOILERPLATE = (
    # cookies, privacy, rights
    "We use cookies to remember you. Manage preferences", "Accept all cookies", "By continuing to use this site you accept our terms",
    "© 2021 Example Ltd. All rights reserved.", "Reproduction of any part of this site is prohibited", "Terms of service · Privacy policy",
    "本网站使用Cookie改善体验", "版权所有 翻印必究", "未经本站许可，不得转载", "图片来自网络，如有侵权请联系删除", "沪ICP备10000001号", "本项目仅供学习", "本网站内容不构成法律意见", "订阅我的频道", "By accessing this site you agree to be bound by the following",
    "以上观点不代表本站立场",
    # accounts and applications
    "Please log in to see the rest", "You must be signed in to comment", "Forgot your password?", "Sign up with Google", "請先登入會員",
    "您还没有登录，请登录后查看", "打开APP查看完整内容", "立即下载", "Download our free app", "扫码下载客户端",
    # channels
    "Smash that like button and subscribe!", "Don't forget to follow us on Instagram", "Link in bio", "Thanks for watching, see you in the next one",
    "记得点赞加关注哦", "求三连", "記得按讚訂閱", "关注公众号，回复“课程”免费领取", "感谢观看，下期再见", "双击点亮小红心", "长按识别二维码，进群",
    "Subtitles by the Amara.org community", "字幕由志愿者提供",
    # navigation, errors
    "Home | Shop | Blog | Contact", "首页 > 新闻 > 下载", "回首頁 關於我們 聯絡我們", "Read more »", "您的当前位置：首页 > 新闻", "For informational purposes only, not legal advice", "上一篇：无 下一篇：无", "Add to cart", "404 page not found",
    "Please enable JavaScript", "Your browser does not support HTML5 video", "您访问的页面不存在", "You do not have permission to view this page",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
)
PROSE = (
    "A neon sign in the rain above a noodle shop", "a stop sign in front of a building", "a bird perched on a log in the water", "A hand-painted sign up the road",
    "A boat powered by the wind", "The ducks follow us to the gate", "They share this bench every day", "He wanted to read more books",
    "She learns JavaScript with chalk and a blackboard", "What a privacy policy must contain, explained by a lawyer", "Grandma bakes cookies for the fair",
    "The members subscribe to a yearly plan and like to share photos", "She unsubscribed from city life", "Monks ring the bell at dawn", "A monk hits the bell on the hill",
    "Home, sweet home", "The contact lens floats in a drop of water", "The poem was translated by his widow", "The pilot gives a thumbs up",
    "Thanks for watching the children, she said", "We place the cookies on a tray", "We use cookies as the base of the cake", "They use code words to talk", "Please do not sell my house",
    "He lit a lamp to continue reading", "He wished he had read more", "The letter was filed under M", "Visitors leave a comment in the guest book", "Friends share on Tuesdays",
    "He set out to create an account of the war", "The abbot forbade copying the book",
    "未经授权的无人机闯入机场", "未经许可进入工地的人被带走", "版权所有者起诉了三家公司", "隐私政策往往长达几十页", "她把照片分享到朋友圈，收获了祝福", "上一篇日记写于十年前",
    "他关注海洋保护，也给孩子们点赞", "请为清洁工点赞", "点赞和转发都超过了十万", "他喜欢收藏老照片", "市民请关注天气变化", "专家呼吁关注我国老人", "顾客扫描二维码点餐",
    "教老人下载打车软件", "游客扫码进入景区", "她立即购买了回家的车票", "登陆后继续向北进攻", "老人在手机app上观看孙子的比赛", "她在学习字幕制作", "奶奶总记得关注天气预报",
    "他还没回复朋友的来信", "猫脖子上挂着一只小铃铛", "片尾字幕滚动时观众鼓掌", "宇航员准备登陆月球",
)


@pytest.mark.parametrize("text", BOILERPLATE)
def test_boilerplate_is_told(text):
    assert boilerplate_share(text) == 1.0


@pytest.mark.parametrize("text", PROSE)
def test_what_only_speaks_of_it_is_not(text):
    assert boilerplate_share(text) == 0.0


@pytest.mark.parametrize("text", [
    "The storm hit the likes of Miami and Tampa hard.", "The use of oatmeal cookies in this dessert adds crunch.", "The page was not found in the archive until 1987.",
    "工地上严禁搬运易燃物品。"])
def test_a_sentence_that_has_some_of_its_words_is_not(text):
    assert boilerplate_share(text) == 0.0


@pytest.mark.parametrize("scene", [
    'A close-up of a laptop screen showing an "Access Denied" message in red letters.', "The camera slowly zooms in on a smartphone whose screen says 404 Not Found.",
    "A man points down at the bell icon while smiling at the viewer.", 'A cartoon cat holds a sign that says "Click here" with a big arrow.',
    "He must log in to the old terminal before the countdown reaches zero.", 'Screen recording of a shopping site, the cursor moves to "Add to cart" and clicks.',
    "电脑屏幕上弹出“忘记密码”的提示，男孩抓了抓头发。", "镜头对准一张海报，上面印着“版权所有”四个大字。", "店员把二维码立牌摆在柜台上，顾客扫码领红包。", "小男孩点击查看礼物盒，里面跳出一只小熊。",
    "警察在未经允许不得入内的牌子前停下脚步。", "弹幕飞过屏幕，全是“感谢观看”和“下期再见”。"])
def test_a_scene_in_which_it_is_seen_is_not(scene):
    assert boilerplate_share(scene) == 0.0


@pytest.mark.parametrize("notice", [
    "The page you are looking for cannot be found", "The video is no longer available", "A new version is here, please update your browser", "动画片全集，点击链接观看", "画面由网友提供，版权归原作者所有", "他们的视频请勿转载",
    "想学画画的孩子可以扫码领取资料包", "屏幕前的小伙伴点个关注不迷路", "屏幕上的二维码扫码加群领福利", "她的同款裙子点击链接购买", "老人和孩子必备的保健品扫码咨询",
    "The requested article was not found or has been removed.", "The site uses cookies to improve the experience of visitors and for statistics.",
    "The store offers free shipping on all orders over $50.", "The newsletter goes out weekly, sign up now.", "The best deals of the day, click here before they are gone.",
    "The reproduction of any part of this text is prohibited"])
def test_a_notice_that_begins_like_one_is_told(notice):
    assert boilerplate_share(notice) == 1.0


def test_a_long_line_is_looked_at_by_the_sentence():
    notice = "This site uses cookies to offer you a better time here and to count our visitors. By using it you agree to our use of cookies and to our terms. "
    story = "The heron stood at the edge of the pond for ten minutes. Then its neck shot forward and a small silver fish disappeared from the water. "
    assert boilerplate_share(notice) == 1.0
    assert boilerplate_share(story * 2 + notice) == pytest.approx(2 / 6)
    assert boilerplate_share("她在湖边等了很久，看着水鸟一只一只飞过芦苇，直到太阳落到山后面去了才慢慢走回村里的小屋。" * 2 + "转载请注明出处。") == pytest.approx(1 / 3)


def test_full_width_and_capital_signs_are_the_same():
    assert boilerplate_share("ＡＬＬ ＲＩＧＨＴＳ ＲＥＳＥＲＶＥＤ") == boilerplate_share("下载ＡＰＰ，查看更多") == 1.0
