"""What salespeople write into the customer record, in the language of the customer."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

Language = str


PROFILES: Mapping[Language, Sequence[Mapping[str, str]]] = {
    "zh": (
        {"education": "食品工程本科", "interests": "钓鱼、围棋", "work": "采购包材八年", "personality": "谨慎"},
        {"education": "工商管理硕士", "interests": "羽毛球", "work": "主管供应链", "personality": "直率，守时"},
    ),
    "en": (
        {"education": "BSc, food technology", "interests": "sailing", "work": "buys packaging", "personality": "exact"},
        {"education": "MBA", "interests": "cycling", "work": "head of supply chain", "personality": "frank, punctual"},
    ),
}
"""What is known of the first contact of a large customer."""


class Texts(TypedDict):
    """Sentences to choose from."""

    quality: str
    special: Sequence[str]
    plans: Sequence[str]
    area: Sequence[str]
    capability: Sequence[str]
    potential: Sequence[str]
    competitiveness: Sequence[str]
    activity: Sequence[str]


INDUSTRY: Mapping[str, Mapping[Language, str]] = {
    "beverage": {"zh": "饮料", "en": "beverages"},
    "herbal": {"zh": "植物饮料", "en": "plant drinks"},
    "food": {"zh": "食品罐头", "en": "canned food"},
    "dairy": {"zh": "乳制品", "en": "dairy"},
    "gift": {"zh": "礼品", "en": "gifts"},
    "paint": {"zh": "涂料与气雾剂", "en": "coatings and aerosols"},
    "mixed": {"zh": "包装贸易", "en": "packaging trade"},
    "retail": {"zh": "零售连锁", "en": "retail chain"},
}
TEXTS: Mapping[Language, Texts] = {
    "zh": {
        "quality": "罐身印刷无色差，密封性逐批检验",
        "special": ("旺季前两个月锁定产能", "托盘按仓库货位定制", "每批随货附检验报告", "分两地交货"),
        "plans": ("明年新增一条灌装线", "拟推出低糖系列", "计划进入华东市场", "维持现有规模"),
        "area": ("华南", "华东", "华中", "西南", "华北"),
        "capability": ("自有销售队伍覆盖省内", "依靠经销商网络", "以线上渠道为主"),
        "potential": ("产能利用率高，有扩产空间", "品牌仍在成长期", "市场饱和，增长有限"),
        "competitiveness": ("区域内前三", "价格竞争为主", "靠口味差异化"),
        "activity": ("旺季铺货顺利", "动销平稳", "新品试销中"),
    },
    "en": {
        "quality": "no colour deviation in print, seal tested batch by batch",
        "special": ("capacity reserved two months before the season", "a test report with each batch", "two sites"),
        "plans": ("a further filling line next year", "a low-sugar range", "entering East China", "stays as it is"),
        "area": ("South China", "East China", "Bohai rim", "export"),
        "capability": ("own sales force", "through dealers", "mostly online"),
        "potential": ("well used capacity, room to grow", "a young brand", "saturated market"),
        "competitiveness": ("among the first three of its region", "competes by price", "sells by taste"),
        "activity": ("season goes well", "steady", "a new range on trial"),
    },
}
STATUS: Mapping[str, Mapping[Language, tuple[str, str, str]]] = {
    "early": {
        "zh": ("合作紧密", "现金充裕", "按期或提前付款"),
        "en": ("close", "plenty of cash", "pays on time or before"),
    },
    "prompt": {"zh": ("合作稳定", "经营正常", "按期付款"), "en": ("steady", "sound", "pays on time")},
    "late": {
        "zh": ("合作稳定", "经营正常，习惯性拖延", "长期晚付两三周"),
        "en": ("steady", "sound, slow by habit", "always two or three weeks late"),
    },
    "partial": {
        "zh": ("时有摩擦", "回款依赖下游", "分次付款，尾款常失约"),
        "en": ("some friction", "depends on its own customers paying", "pays in parts, the rest later than promised"),
    },
    "disputing": {
        "zh": ("质量异议较多", "经营正常", "有异议的发票先付七成"),
        "en": ("many quality claims", "sound", "pays 70 % of a bill it disputes"),
    },
    "deteriorating": {
        "zh": ("尚可", "回款压力加大", "近几个月付款越来越慢"),
        "en": ("fair", "under pressure", "slower every month"),
    },
    "failing": {"zh": ("关系紧张", "资金链紧张，供应商开始催款", "近三个月未付款"), "en": ("", "", "")},
}
"""By how a customer pays: cooperation, financial status, credit status."""
WARNING: Mapping[str, Mapping[str, str]] = {
    "C-117": {
        "sales_activity": "仓库积压明显，仍在大量下单",
        "problems": "两家原料供应商已停供；财务负责人离职；要求把我们的账期延长到九十天",
    },
}
"""What was seen on the last visit to the one that goes under."""
