"""Companies that the records do not have, in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Collection, Iterator

from crm.base.value_class import value_class
from crm.visits.quick_lexicon import (
    FAMOUS,
    LATIN_NAME,
    LEGAL,
    NAME,
    NICKNAME,
    POSITION,
    RARE,
    SITE,
    SURNAME,
    TITLED_NAME,
    TRADE,
    USUAL,
    any_of,
)
from crm.visits.quick_text import READ, READ_NAME, Line, Span, compiled


@value_class
class NameFound:
    """The name of a company, by its words."""

    span: Span
    name: str


_FULL_NAME = (  # 李强财务总监, not 康达采购总监王明
    rf"(?!{FAMOUS}){SURNAME}{USUAL}{{1,2}}{POSITION}(?!的?\s?(?:{TITLED_NAME}|{NAME}))"
)
# RARE_TITLED excludes positions, which stand first here: it would repeat them in each pattern
_PERSON = rf"(?:{POSITION}|{_FULL_NAME}|{TITLED_NAME}|{RARE}|(?:{NICKNAME}))"
# after these verbs a name is of a company or of a person; the first can be said of a person only
_STRICT = any_of(
    r"""
    拜访 拜会 走访 回访 造访 探访 到访 考察 调研 参观 接待 对接(?!人) 联系(?!人|方式) 走进 看望 慰问
    上门 约见 会见 宴请 认识
    """
)
_LOOSE = any_of(
    r"""
    见到 见了? 看了? 找 跑了? 去了? 到 赴 和 与 跟 同 陪同? 给 向 约了? 来自 邀请 请 叫 是 电话
    视频 致电 连线 沟通 通知
    """
)
_OF_PLACE = r"(?:客户|企业|公司|[一-龥]{1,4}[区园市镇县里]的|当地的)"
_BEGIN = rf"(?:{_STRICT}|{_LOOSE})[了过]?(?:一?[趟下次])?{_OF_PLACE}?\s?"
# what no name of a company holds, and what a name ends before
_STOP = any_of(
    r"""
    \d{1,2}[月日号点:.] [一二三四五六七八九十]月 [明今去后]年 一行 一起 一同
    [两二三四五六七八九十几]家 客[人商户]
    等(?=[\s,。;]|\d|[一二三四五六七八九十两几多]|企业|公司|人|$) 两家 三家 在(?!线) 及 以及 的
    就 围绕 针对 商[谈洽]
    了 过(?!滤) (?<!呼)和(?![元光泰盛辉胜记晶仁康田龙]|利时) 与 跟 (?<!大)同(?![仁方济兴程花江])
    见 谈 聊(?!城) 洽谈
    沟通 交流 对接 座谈 商[讨谈议量] 会[谈面见] 新[厂工基总产] 老厂 工厂 厂[房区里子] 总部 分公司
    子公司 [一二三四]期 项目 展[厅台位] 基地 车间 生产线 产线 园区 考察 代表团 访问团 团队 客商
    负责人 管理层 高层 高管 人员 推进 参观 调研 介绍 讨论 汇报 签[约订] 开会 吃饭 打电话 通电话
    视频 电话 来[区访我本的] 带队 率队 率团 陪同 接待 反馈 表示 提出 希望 计划 打算 准备 已[经]? 也
    (?<![成宜昌])都(?!市|匀|江堰) 正在 将 想 有(?!限|色|研|机|为|赞) 要(?!素) 需要
    说 问 答应 承诺 确定 拜访 走访 联系 拜会 回访 造访 探访 看望 慰问 [上登]门 走进
    催 发[了送来] 送[了去] 关于 了解 看(?!好) 到(?!家) 去 赴 找 跑 不 拟 明确 核实 上午 下午 今天
    昨天 明天 后天 下?周[一二三四五六日] 第[一二三] 那边 这边 方面 旗下 是 叫 做 搞 参加 出席
    举办 宴请 扩产 增资 落地 选址
    """
)
_CHAR = r"[一-龥A-Za-z0-9·&-]"
_SOME = (
    r"(?:[两三四五六七八九十几多数一这那每各某该本贵我你他她有些不没其哪当国海境内外新老大小]|\d+)"
)
_COUNTED = any_of(
    "家 个 位 批 些 地 区 国 内 外 市 县 们 的 项 场 次 里 天 年 月 方 企业 公司 客户"
)
_ABROAD = any_of(
    """
    台湾 香港 澳门 日本 韩国 德国 美国 法国 英国 意大利 新加坡 以色列 瑞[士典] 荷兰 欧洲 俄罗斯
    马来西亚 泰国 越南 印度 东南亚
    """
)
# words for companies and people at large, which begin no name
_AT_LARGE = any_of(
    rf"""
    (?!国家[大电开能]){_SOME}{_COUNTED} 好 上(?![海饶虞]) 下 过 着 完 一[下些直起同] 客[户商人]
    企业 公司 对方 双方 负责 领导 老板 他们 我们 厂家
    政府 管委 商务局 现场 展位 专家 朋友 同学 老乡 校友 华侨 侨商 外商 台商 港商 日企 韩企 德企
    外企 嘉宾 高管 地块 招商 情况 需求 意向 投资 政策 方案 相关 有关 行业 产业
    {_ABROAD}(?:客|企业|公司|[侨外]?商|代表|考察|方|专家|朋友|总领|的|[\s,。;]|$) 总 新能源
    新材料 半导体 生物医药 集成电路 人工智能 智能 装备 汽车 电子 机械 光伏 储能 医药 食品
    [一-龥]{{1,3}}(?:局|委|办|部|院士|市长|书记|政府|园区)(?:[\s,。;、]|$) 时间 结果 确认 材料
    标准 现有 HR(?![A-Za-z])
    设备 厂房 样品 合同 协议 机会 困难 问题 进展 进度 [环能安]评 申报 备案
    (?:采购|销售|研发|财务|技术|设备|市场|人事)部?(?=[一-龥](?:总|工|经理|主任))
    人(?:[\s,。;]|$) 客 会(?!理)
    """
)
_GENERIC = rf"(?!{_AT_LARGE})"
_OF_TRADE = any_of(
    r"""
    产业 行业 企业 领域 赛道 板块 方向 类 业(?!有限) 产品 会议 专场 论坛 展 推介 大会 峰会 招商
    设备采 人才 政策 园区? 学会 产线 厂房 补贴 协议 方案 系统集
    """
)
_ORG = (
    rf"(?:(?!{_STOP}|{_PERSON})(?:{_CHAR}|[()](?=[一-龥]))){{2,22}}?{LEGAL}"
    rf"|(?:(?!{_STOP}|{_PERSON}){_CHAR}){{1,8}}?(?:(?!{_PERSON}){TRADE})+(?:中国|{LEGAL})?(?!{_OF_TRADE})"
)
_NAMED = rf"(?:{_BEGIN}|[\s,:;。、{READ}]|^)(?P<name>{_GENERIC}(?:{_ORG}))"
_LISTED = rf"(?:[、和与及]|以及|还有)(?P<name>{_GENERIC}(?:{_ORG}))"
# a list of companies goes on: 极米、通威、京东方
_NEXT_LISTED = (
    rf"{READ_NAME}(?:[、和与及]|以及)(?P<name>{_GENERIC}(?:(?!{_STOP}|{_PERSON}){_CHAR}){{2,6}})"
    rf"(?=[\s,。;、]|$|[两三四五六七八九十]家|等)"
)
_COMMON = any_of(  # what a city has, too
    r"""
    路上 高铁 飞机 机场 火车 酒店 朋友 同学 老乡 客 企业 公司 工厂 老厂 新厂 厂 政策 价格 人才
    市场 供应商 合作 分[公部] 子公司 总部 项目 两 三 几 一 那 这 推介 展 论坛 活动 房 地 办事处
    行程 拜访 出差
    """
)
_PLAIN_END = rf"(?=[\s,。;、()!?{READ}{READ_NAME}]|$|{_STOP}|{_PERSON})"
_PLAIN = (  # a name without a trade: only after a verb, and up to a place where names end
    rf"{_STRICT}(?:了|过)?(?:客户|企业|公司)?\s?(?P<name>{_GENERIC}(?:(?!{_STOP}|{_PERSON}){_CHAR}){{2,8}}){_PLAIN_END}"
)
_PLAIN_OF = (  # 见了海泰的孟总, 跟博世中国的采购总监
    rf"{_BEGIN}(?P<name>{_GENERIC}(?:(?!{_STOP}|{_PERSON}){_CHAR}){{2,10}})的?(?={_PERSON})"
)
_PLAIN_BETWEEN = (  # 合肥 长鑫 采购部长 徐立
    rf"{READ}[\s,]+(?P<name>{_GENERIC}(?:(?!{_STOP}|{_PERSON}){_CHAR}){{2,8}})[\s,]+(?={_PERSON})"
)
_FAMOUS = (  # 康宁, not 康宁总
    rf"(?:{_BEGIN}|[\s,、{READ}]|^)(?P<name>{FAMOUS}(?:中国|{TRADE}|{LEGAL})*)(?!总(?!部)|工(?!厂|业))"
)
PLACE_BEFORE = re.compile(
    r"(?:(?<![不没未])[在去到赴驻跑往抵至自从飞走]|驻[点城]|蹲点|参加)[了过]?(?:[一两三四五几]?[趟次回])?$"
)
_SITE_ONLY = re.compile(r"(?:走访|考察|调研|参观|走进|造访|探访)了?$")
_PERSON_ONLY = rf"(?:{NAME}|{LATIN_NAME})$"
_NO_COMPANY = re.compile(
    rf"(?:{SITE}|计划|行动|专项|工程|项目|课题|事宜|问题|情况|政策|需求|大会|(?<![商协学])会|局|委|区|镇|街道|村)$"
)
_CODE = re.compile(r"计划|行动|专项|工程")  # 星火计划 is the name of a lead
_OF_CITY = (  # 去过惠州的楚云, 一个是泰州的苍梧新材料
    rf"[^\s,。;、]的(?P<name>{_GENERIC}(?:{_ORG}|(?<={READ}的|区的)(?!{_COMMON})"
    rf"(?:(?!{_STOP}|{_PERSON}){_CHAR}){{2,6}}{_PLAIN_END}))"
)
_OF_DISTRICT = (  # 先去南山的银杉机器人
    rf"[去到赴跑]了?(?:过?一?趟)?(?![他我它你咱人谁那这]|对方|客户|企业|公司|自己|朋友|上次|之前)"
    rf"[一-龥]{{2,3}}的(?P<name>{_GENERIC}(?:{_ORG}))"
)
_SAID_OF = re.compile(  # 对方在苏州的星野电子占股三成
    r"对方|[他她]|企业|客户|[说听讲问]|了解[到了]|透露|提[到起]|表示|介绍|希望|想"
)
_CITY_REACH = 10  # characters before 的 that hold the city, with its district
_DISTRICT = 5
_PATTERNS = {
    "org": _NAMED,
    "org_famous": _FAMOUS,
    "org_listed": _LISTED,
    "org_of": _PLAIN_OF,
    "org_plain": _PLAIN,
    "org_between": _PLAIN_BETWEEN,
    "org_next": _NEXT_LISTED,
    "org_of_city": _OF_CITY,
    "org_of_district": _OF_DISTRICT,
}
_OF_PLACES = {"org_of_city", "org_of_district"}
_WITHOUT_TRADE = {"org_plain", "org_between", "org_next"}
PATTERNS = _PATTERNS | {
    "place_before": PLACE_BEFORE,
    "said_of": _SAID_OF,
    "site_only": _SITE_ONLY,
    "person_only": _PERSON_ONLY,
    "no_company": _NO_COMPANY,
    "code_name": _CODE,
}


def companies_named(
    line: Line, text: str, city: str, cities: Collection[str]
) -> Iterator[NameFound]:
    """Names that end or stand as companies' names do; their words are marked as read.

    What is read is hidden in the text; the city may be the beginning of a name.
    """
    for kind, pattern in _PATTERNS.items():
        at = 0
        while match := compiled(pattern).search(text, at):
            start, end = match.span("name")
            at = max(end - 1, match.start() + 1)
            name = match["name"]
            if (
                name in cities
                or not line.is_free(start, end)
                or _NO_COMPANY.search(name)
                or _CODE.match(text, end)
                or (kind in _OF_PLACES and _is_only_said(line, start))
                or (kind == "org_of_city" and not _ends_with_city(line.plain[: start - 1], cities))
            ):
                continue
            if kind in _WITHOUT_TRADE and _is_person(text, start, name):
                continue
            line.take(start, end)
            text = text[:start] + READ_NAME * (end - start) + text[end:]
            yield NameFound(Span(start, end), _with_city(line, start, city) + name)


def _with_city(line: Line, start: int, city: str) -> str:
    """The city, read already, that begins the name; empty where it is a place by itself."""
    head = line.plain[:start]
    if not city or not head.endswith(city):
        return ""
    return "" if PLACE_BEFORE.search(head.removesuffix(city)) else city


def _is_only_said(line: Line, at: int) -> bool:
    """Whether the words before, in the clause, say that others spoke of the company."""
    return bool(_SAID_OF.search(line.plain, line.clause_at(at).start, at))


def _ends_with_city(head: str, cities: Collection[str]) -> bool:
    """Whether the text ends with a city, or a city and its district: 深圳, 深圳南山."""
    tail = head[-_CITY_REACH:]
    return any(
        tail[at : at + length] in cities and len(tail) - at - length <= _DISTRICT
        for length in range(2, 7)
        for at in range(len(tail) - length + 1)
    )


def _is_person(text: str, start: int, name: str) -> bool:
    """Whether the words after a verb rather name a person: 拜访周建国."""
    return bool(compiled(_PERSON_ONLY).match(name)) and not _SITE_ONLY.search(text[:start].rstrip())
