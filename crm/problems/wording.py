"""Words that tell of something that holds a project up (PROJECTS 5, ENTRY 1). Pure."""

import re

from crm.base.value_class import value_class

_STUCK = re.compile(
    r"[没未](?:有)?(?:落实|解决|到位|批|办|兑现|通过|接通)|卡在|卡住|受阻|办不[下了]|"
    r"不够|不足|短缺|缺口|招不到|跟不上|困难|(?:还|一直)?拖(?:着|了|延)"
)
_CATEGORIES = {  # by the codes as shipped
    "utilities": r"供电|用电|电力|停电|增容|供水|用水|供气|燃气|天然气|蒸汽|供热",
    "energy": r"能评|能耗",
    "environment": r"环评|环保|排污",
    "planning": r"规划|容积率",
    "land": r"用地|土地|供地|拆迁",
    "financing": r"融资|贷款",
    "labour": r"用工|招工|招不到",
    "policy": r"兑现|补贴|奖补",
    "logistics": r"物流|通关|运输",
    "approval": r"审批|手续|许可|办证",
}
_CATEGORY = re.compile("|".join(f"(?P<{code}>{words})" for code, words in _CATEGORIES.items()))


@value_class
class Obstacle:
    """The words for what blocks, and the code of its category."""

    words: str
    category: str


def obstacle_in(text: str) -> Obstacle | None:
    """The first part of the text that says of a known subject that it is not settled."""
    for part in re.split(r"[,，。;；、!！\n]", text):
        subject = _CATEGORY.search(part)
        if subject and _STUCK.search(part):
            return Obstacle(part.strip(), str(subject.lastgroup))
    return None
