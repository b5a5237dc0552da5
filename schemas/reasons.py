"""The fixed vocabulary of `rejects.reason`: code, and what it means in English and Chinese.

Codes are never reused or renamed; a new cause is a new line. Within a stage the order is that in which they are decisive:
a frozen clip does not move either, but `frozen` says it better.
"""

from types import MappingProxyType

REASONS = MappingProxyType({
    # collect
    "sidecar": ("read for what it says about other files, not a sample itself", "旁注文件：已读取其中的说明，本身不是样本"),
    "empty_file": ("the file has no bytes", "文件为空"),
    "unreadable": ("the bytes could not be read", "无法读取文件"),
    "unknown_format": ("not a format that is understood", "无法识别的格式"),
    "wrong_extension": ("the content is of another kind than the file name says", "内容与扩展名不符"),
    "not_regular_file": ("a pipe, socket or device, not a file", "不是普通文件"),
    "outside_root": ("a link that leads out of the source folder", "链接指向源目录之外"),
    "playlist": ("a playlist that points at other files", "指向其他文件的播放列表"),
    "too_large": ("larger than the limit", "超过大小限制"),
    "generated": ("made by a generator; kept out of training corpora", "由模型生成，不进入训练语料"),
    "bad_row": ("a line that cannot be parsed or has no text", "无法解析或没有文本的行"),
    "missing_file": ("named by a manifest but not there", "清单中列出的文件不存在"),
    # measure
    "undecodable": ("no frame or sample could be decoded", "无法解码"),
    "partly_undecodable": ("decoding broke off or too much of it is damaged", "部分数据损坏"),
    "broken_clock": ("its timestamps run backwards, so that no span of it can be found again", "时间戳倒退，无法定位片段"),
    "no_media": ("no picture or sound stream", "没有图像或声音流"),
    "decode_timeout": ("decoding took longer than its limit", "解码超时"),
    "decode_crash": ("the decoder crashed", "解码器崩溃"),
    "decode_memory": ("decoding needed more memory than its limit", "解码内存超限"),
    "too_many_pixels": ("pictures larger than the pixel limit", "像素数超限"),
    "too_many_frames": ("more frames than the limit", "帧数超限"),
    # judge
    "too_short": ("shorter than the minimum", "时长过短"),
    "too_long": ("longer than the maximum", "时长过长"),
    "too_small": ("fewer pixels than the minimum", "分辨率过低"),
    "too_tall": ("too tall to be cropped to a training shape", "画面过窄"),
    "too_wide": ("too wide to be cropped to a training shape", "画面过宽"),
    "low_fps": ("frame rate below the minimum", "帧率过低"),
    "black": ("mostly black", "画面以黑屏为主"),
    "too_dark": ("too dark", "画面过暗"),
    "too_bright": ("overexposed", "画面过亮"),
    "low_contrast": ("almost no contrast", "对比度过低"),
    "blurred": ("blurred", "画面模糊"),
    "frozen": ("frozen for most of its length", "画面冻结"),
    "slideshow": ("a show of stills", "幻灯片式画面"),
    "static": ("nothing moves", "画面静止"),
    "too_shaky": ("moves too fast to learn from", "运动过快"),
    "flicker": ("flickers", "画面闪烁"),
    "letterboxed": ("bars above and below or left and right", "带有黑边"),
    "blocky": ("coding blocks are visible", "压缩块效应明显"),
    "text_heavy": ("covered by text", "文字过多"),
    "missed_cut": ("a cut inside the clip", "片段内有未切开的镜头切换"),
    "interlaced": ("interlaced", "隔行扫描"),
    "no_audio": ("sound is required and there is none", "缺少声音"),
    "silent": ("silent where speech is expected", "应有语音但无声"),
    "clipped_audio": ("sound is clipped", "声音削波"),
    "quiet_audio": ("sound is too quiet", "音量过低"),
    "noisy_audio": ("sound is drowned in noise", "噪声过大"),
    "narrow_audio": ("sound has lost its high frequencies", "声音带宽过窄"),
    "av_skew": ("sound and picture differ in length", "音画时长不一致"),
    "text_too_short": ("too few words", "文本过短"),
    "text_too_long": ("too many words", "文本过长"),
    "repetitive_text": ("repeats itself", "文本重复"),
    "symbol_text": ("mostly symbols", "符号过多"),
    "markup_text": ("mostly markup", "标记过多"),
    "boilerplate_text": ("boilerplate", "模板化文本"),
    "unwanted_language": ("not in a wanted language", "语言不在范围内"),
    "personal_data": ("too much personal data", "个人信息过多"),
    "unlicensed": ("the licence is not in the wanted list", "许可不在允许范围"),
    # dedup
    "duplicate": ("a duplicate; `duplicates` names its keeper", "重复内容"),
    # label, fuse
    "unsafe": ("a safety label is over its threshold or a blocked word occurs", "内容不安全"),
    "off_caption": ("picture and caption do not match", "画面与描述不符"),
    "uncuttable": ("the clip could not be cut out of its source", "无法裁切片段"),
    "taken_down": ("its source was taken down", "来源已下架"),
    # prompts, generate, publish
    "empty_prompt": ("nothing is left of the prompt", "提示词为空"),
    "prompt_too_long": ("the prompt is longer than the limit", "提示词过长"),
    "duplicate_prompt": ("too close to another prompt", "提示词重复"),
    "generation_failed": ("the model raised an error or returned something that is not a video", "生成失败"),
    "off_prompt": ("the result does not show what was asked for", "生成内容与提示词不符"),
    "unspoken": ("no voice for the language, or the voice said nothing", "无法配音"),
    "missing_glyphs": ("the subtitle font lacks letters of the text", "字幕字体缺字"),
    "unlabelled": ("the finished file lacks a required AI label", "成片缺少AI标识"),
    "not_approved": ("a person declined it", "未通过人工审核"),
})
"""Code -> (English, Chinese)."""
