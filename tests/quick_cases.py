"""The cases of quick entries, which Python and the page read alike, and their zone."""

import json
from datetime import datetime
from pathlib import Path

from crm.base.cities import cities
from crm.base.clock import at_civil
from crm.base.names import person_search_text
from crm.visits.quick_colleagues import Colleague
from crm.visits.quick_draft import World
from crm.visits.quick_names import Known

_FILE = json.loads((Path(__file__).parent / "visits" / "quick_entry_cases.json").read_text())
WORLD, CASES = _FILE["world"], _FILE["cases"]
# of the grammar, for texts made at random
WORDS = (
    *(
        "计划",
        "准备",
        "约了",
        "今天",
        "昨天",
        "周三",
        "下周",
        "24-26日",
        "12月35日",
        "取消",
        "改到",
    ),
    *(
        "上午",
        "9点半",
        "到",
        "去",
        "拜访",
        "驻",
        "苏州",
        "区里",
        "陪",
        "和",
        "谭明屿",
        "严主任",
        "见了",
    ),
    *("王总", "溟南显示", "某某公司", "下一步", "待", "请", "回复", "前", "签约", "到账", "3000万"),
    *("，", "。", "、"),
)


def world() -> World:
    """What the writer may name, and when."""
    names = WORLD["colleagues"]
    leads = [title for record in WORLD["known"] for title in record["leads"]]
    now = datetime.fromisoformat(WORLD["now"])
    return World(
        now=at_civil(now.date(), now.time()),
        writer_id=names.index(WORLD["writer"]),
        colleagues=[
            Colleague(number, name, person_search_text(name)) for number, name in enumerate(names)
        ],
        known=[
            Known(
                tuple(record["names"]),
                tuple(record["initials"]),
                (number, record["company"]),
                tuple((leads.index(title), title) for title in record["leads"]),
            )
            for number, record in enumerate(WORLD["known"])
        ],
        cities=cities(),
    )
