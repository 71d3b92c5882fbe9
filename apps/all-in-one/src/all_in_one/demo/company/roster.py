"""Who buys from the can maker: 120 invented companies, one a line, in the types of R-012."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from events.customer import CustomerType

Size = Literal["A", "B", "C"]
Payer = Literal[
    "early", "prompt", "late", "prepaid", "partial", "disputing", "deteriorating", "failing", "over_limit", "newcomer"
]


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer before anything happens. `trade` says what it needs cans for, `payer` how it pays."""

    id: str
    name: str
    type: CustomerType
    trade: str
    city: str
    owner: str
    group: str | None
    size: Size
    payer: Payer


def _entry(line: str) -> Entry:
    key, name, kind, trade, city, owner, group, size, payer = line.split("|")
    assert kind in get_args(CustomerType), line
    assert payer in get_args(Payer), line
    return Entry(
        key, name, cast(CustomerType, kind), trade, city, owner, group or None, cast(Size, size), cast(Payer, payer)
    )


ROSTER: Sequence[Entry] = tuple(
    _entry(line)
    for line in """
C-101|清岚饮料（广州）有限公司|industrial_customer|beverage|广州|sun-qi|qinglan|A|prompt
C-102|清岚饮料（武汉）有限公司|industrial_customer|beverage|武汉|sun-qi|qinglan|A|prompt
C-103|清岚食品（成都）有限公司|industrial_customer|food|成都|sun-qi|qinglan|B|prompt
C-104|清岚商贸（上海）有限公司|dealer|mixed|上海|sun-qi|qinglan|B|late
C-105|松溪里乳业（杭州）有限公司|industrial_customer|dairy|杭州|zhao-heng|songxili|A|early
C-106|松溪里食品（合肥）有限公司|industrial_customer|food|合肥|zhao-heng|songxili|B|prompt
C-107|松溪里营养品（天津）有限公司|industrial_customer|dairy|天津|zhao-heng|songxili|B|prompt
C-108|Harbourlight Beverages (Shenzhen) Ltd.|industrial_customer|beverage|深圳|zhao-heng|harbourlight|A|early
C-109|Harbourlight Foods (Ningbo) Ltd.|industrial_customer|food|宁波|zhao-heng|harbourlight|B|prompt
C-110|Harbourlight Trading (Hong Kong) Ltd.|agent|mixed|香港|zhao-heng|harbourlight|B|late
C-111|Northpeak Drinks (Qingdao) Ltd.|industrial_customer|beverage|青岛|lin-yue|northpeak|A|prompt
C-112|Northpeak Dairy (Dalian) Ltd.|industrial_customer|dairy|大连|lin-yue|northpeak|B|prompt
C-113|麦禾庄食品（郑州）有限公司|industrial_customer|food|郑州|tom-barker|maihezhuang|A|late
C-114|麦禾庄粮油（西安）有限公司|industrial_customer|food|西安|tom-barker|maihezhuang|B|prompt
C-115|麦禾庄礼品（洛阳）有限公司|industrial_customer|gift|洛阳|tom-barker|maihezhuang|B|late
C-116|琥珀湾食品（漳州）有限公司|industrial_customer|food|漳州|sun-qi|hupowan|B|prompt
C-117|琥珀湾饮料（厦门）有限公司|industrial_customer|beverage|厦门|sun-qi|hupowan|A|failing
C-118|椰桥饮品（海口）有限公司|industrial_customer|herbal|海口|he-min||A|prompt
C-119|泉屿饮料（福州）有限公司|industrial_customer|beverage|福州|zhao-heng||A|prompt
C-120|果渡果汁（烟台）有限公司|industrial_customer|beverage|烟台|sun-qi||A|late
C-121|鹿鸣泉植物饮料（长沙）有限公司|industrial_customer|herbal|长沙|sun-qi||A|deteriorating
C-122|Bluefern Beverages (Suzhou) Ltd.|industrial_customer|beverage|苏州|he-min||B|deteriorating
C-123|沁野食品（南宁）有限公司|industrial_customer|food|南宁|sun-qi||B|deteriorating
C-124|橙陌商贸（重庆）有限公司|dealer|mixed|重庆|he-min||B|deteriorating
C-125|云朴乳业（呼和浩特）有限公司|industrial_customer|dairy|呼和浩特|he-min||A|over_limit
C-126|茗汀茶礼（黄山）有限公司|industrial_customer|gift|黄山|zhao-heng||B|disputing
C-127|Saltmarsh Canning (Zhoushan) Ltd.|industrial_customer|food|舟山|tom-barker||B|disputing
C-128|晴岸涂料（佛山）有限公司|industrial_customer|paint|佛山|gao-yuan||B|partial
C-129|澜谷啤酒（哈尔滨）有限公司|industrial_customer|beverage|哈尔滨|lin-yue||A|partial
C-130|北桥气雾剂（中山）有限公司|industrial_customer|paint|中山|gao-yuan||B|newcomer
C-131|星垂礼品（常州）有限公司|industrial_customer|gift|常州|sun-qi||C|early
C-132|素问堂植物饮料（宁波）有限公司|industrial_customer|herbal|宁波|lin-yue||C|early
C-133|Greyheron Dairy (Chengdu) Co., Ltd.|industrial_customer|dairy|成都|he-min||B|prompt
C-134|长风渡饮料（东莞）有限公司|industrial_customer|beverage|东莞|zhao-heng||C|prompt
C-135|海隅包装研究所|other|gift|汕头|gao-yuan||C|late
C-136|听松涂料（成都）有限公司|industrial_customer|paint|成都|sun-qi||C|prompt
C-137|禾沐乳品（北京）有限公司|industrial_customer|dairy|北京|he-min||C|prompt
C-138|Willowmere Foods (Shanghai) Ltd.|industrial_customer|food|上海|tom-barker||B|prompt
C-139|向晚食品（武汉）有限公司|industrial_customer|food|武汉|gao-yuan||A|late
C-140|踏浪商贸（太原）有限公司|dealer|mixed|太原|gao-yuan||C|prompt
C-141|风荷贸易（大连）有限公司|dealer|mixed|大连|gao-yuan||C|prompt
C-142|梨川礼品（天津）有限公司|industrial_customer|gift|天津|lin-yue||C|prepaid
C-143|桂影饮料（青岛）有限公司|industrial_customer|beverage|青岛|he-min||C|prompt
C-144|青禾集便利连锁（苏州）有限公司|retailer|retail|苏州|zhao-heng||C|prompt
C-145|南枝礼品（武汉）有限公司|industrial_customer|gift|武汉|sun-qi||C|early
C-146|渔火代理（武汉）有限公司|agent|mixed|武汉|lin-yue||C|prepaid
C-147|Copperleaf Drinks (Ningbo) Ltd.|industrial_customer|beverage|宁波|tom-barker||B|early
C-148|远黛代理（长沙）有限公司|agent|mixed|长沙|lin-yue||C|prompt
C-149|北枝植物饮料（海口）有限公司|industrial_customer|herbal|海口|sun-qi||B|prompt
C-150|Stonebridge Vale Stores (Shijiazhuang) Co., Ltd.|retailer|retail|石家庄|tom-barker||C|prompt
C-151|榆林渡代理（烟台）有限公司|agent|mixed|烟台|lin-yue||C|prompt
C-152|丹枫贸易（合肥）有限公司|dealer|mixed|合肥|he-min||C|early
C-153|木樨食品（郑州）有限公司|industrial_customer|food|郑州|gao-yuan||B|prompt
C-154|Redcedar Foods (Changsha) Co., Ltd.|industrial_customer|food|长沙|tom-barker||C|early
C-155|石涧饮料（汕头）有限公司|industrial_customer|beverage|汕头|gao-yuan||B|prepaid
C-156|银杏里贸易（上海）有限公司|dealer|mixed|上海|zhao-heng||B|prompt
C-157|半亩塘贸易（徐州）有限公司|dealer|mixed|徐州|zhao-heng||B|prompt
C-158|栖霞谷涂料（烟台）有限公司|industrial_customer|paint|烟台|lin-yue||C|prompt
C-159|十里香包装商贸（大连）有限公司|dealer|mixed|大连|he-min||B|late
C-160|沉香亭代理（无锡）有限公司|agent|mixed|无锡|lin-yue||C|prompt
C-161|Silverbrook Lane Trading (Ningbo) Ltd.|dealer|mixed|宁波|tom-barker||B|early
C-162|枫桥渡食品（太原）有限公司|industrial_customer|food|太原|he-min||B|early
C-163|青箬食品（西安）有限公司|industrial_customer|food|西安|sun-qi||A|partial
C-164|Foxglove Stores (Fuzhou) Co., Ltd.|retailer|retail|福州|tom-barker||B|prompt
C-165|溪语食品（武汉）有限公司|industrial_customer|food|武汉|zhao-heng||C|prompt
C-166|野渡饮料（杭州）有限公司|industrial_customer|beverage|杭州|he-min||C|prompt
C-167|三棱镜饮料（烟台）有限公司|industrial_customer|beverage|烟台|he-min||C|prompt
C-168|Larkfield Coatings (Haikou) Co., Ltd.|industrial_customer|paint|海口|tom-barker||C|late
C-169|新麦食品连锁（汕头）有限公司|retailer|retail|汕头|lin-yue||C|prompt
C-170|半夏里包装商贸（无锡）有限公司|dealer|mixed|无锡|sun-qi||C|prepaid
C-171|云起超市连锁（厦门）有限公司|retailer|retail|厦门|zhao-heng||C|prompt
C-172|Oystercove Foods (Qingdao) Ltd.|industrial_customer|food|青岛|tom-barker||B|prompt
C-173|海隅便利连锁（哈尔滨）有限公司|retailer|retail|哈尔滨|gao-yuan||C|late
C-174|梅坞礼品（南宁）有限公司|industrial_customer|gift|南宁|gao-yuan||C|late
C-175|海棠坞包装商贸（郑州）有限公司|dealer|mixed|郑州|lin-yue||B|prompt
C-176|Ambergate Gifts (Guangzhou) Co., Ltd.|industrial_customer|gift|广州|tom-barker||C|late
C-177|竹隐商贸（太原）有限公司|dealer|mixed|太原|lin-yue||B|late
C-178|听澜代理（重庆）有限公司|agent|mixed|重庆|gao-yuan||C|late
C-179|拾穗涂料（贵阳）有限公司|industrial_customer|paint|贵阳|gao-yuan||C|early
C-180|朝露商贸（合肥）有限公司|dealer|mixed|合肥|gao-yuan||B|early
C-181|长风渡职业技术学院食品系|other|gift|济南|sun-qi||C|late
C-182|晚稻礼品（烟台）有限公司|industrial_customer|gift|烟台|zhao-heng||B|prompt
C-183|杏陌贸易（无锡）有限公司|dealer|mixed|无锡|gao-yuan||C|prompt
C-184|Fernhollow Dairy (Wuxi) Co., Ltd.|industrial_customer|dairy|无锡|tom-barker||C|prompt
C-185|碧螺渡超市连锁（沈阳）有限公司|retailer|retail|沈阳|gao-yuan||B|early
C-186|桐月食品（杭州）有限公司|industrial_customer|food|杭州|sun-qi||C|partial
C-187|Kingsmoss Botanicals (Changchun) Ltd.|industrial_customer|herbal|长春|tom-barker||C|prepaid
C-188|山栖代理（长春）有限公司|agent|mixed|长春|sun-qi||A|late
C-189|Highmeadow Agencies (Xiamen) Co., Ltd.|agent|mixed|厦门|tom-barker||C|early
C-190|芦花荡乳品（广州）有限公司|industrial_customer|dairy|广州|sun-qi||C|prompt
C-191|醉云饮料（汕头）有限公司|industrial_customer|beverage|汕头|sun-qi||C|prompt
C-192|雪岭植物饮料（哈尔滨）有限公司|industrial_customer|herbal|哈尔滨|gao-yuan||C|late
C-193|明溪贸易（广州）有限公司|dealer|mixed|广州|lin-yue||C|early
C-194|稻香渡超市连锁（重庆）有限公司|retailer|retail|重庆|zhao-heng||C|prompt
C-195|半山陶器工作室（个体）|consumer|gift|太原|lin-yue||C|prepaid
C-196|周记手作茶礼（个体）|consumer|gift|广州|sun-qi||C|prepaid
C-197|Driftwood Bay Foods (Hangzhou) Co., Ltd.|industrial_customer|food|杭州|tom-barker||C|prompt
C-198|Thistledown Botanicals (Hangzhou) Co., Ltd.|industrial_customer|herbal|杭州|tom-barker||C|early
C-199|Birchwater Stores (Shaoxing) Co., Ltd.|retailer|retail|绍兴|tom-barker||B|late
C-200|Lanternfish Trading (Shanghai) Co., Ltd.|dealer|mixed|上海|tom-barker||C|prompt
C-201|荔湾里食品连锁（烟台）有限公司|retailer|retail|烟台|gao-yuan||B|early
C-202|初霁食品（常州）有限公司|industrial_customer|food|常州|he-min||C|late
C-203|小满堂饮料（石家庄）有限公司|industrial_customer|beverage|石家庄|lin-yue||C|prompt
C-204|金穗川商贸（徐州）有限公司|dealer|mixed|徐州|sun-qi||C|late
C-205|Pebblebrook Trading (Taiyuan) Ltd.|dealer|mixed|太原|tom-barker||C|prompt
C-206|Whitethorn Drinks (Taiyuan) Co., Ltd.|industrial_customer|beverage|太原|tom-barker||C|late
C-207|清槐饮料（东莞）有限公司|industrial_customer|beverage|东莞|lin-yue||C|prompt
C-208|云雀食品（绍兴）有限公司|industrial_customer|food|绍兴|sun-qi||C|early
C-209|和露包装商贸（上海）有限公司|dealer|mixed|上海|lin-yue||C|late
C-210|白苇饮料（长沙）有限公司|industrial_customer|beverage|长沙|lin-yue||C|early
C-211|暮云包装代理（汕头）有限公司|agent|mixed|汕头|sun-qi||B|prompt
C-212|Maplerun Coatings (Foshan) Ltd.|industrial_customer|paint|佛山|he-min||C|late
C-213|Coralwick Drinks (Shijiazhuang) Co., Ltd.|industrial_customer|beverage|石家庄|tom-barker||C|late
C-214|绿野集包装代理（海口）有限公司|agent|mixed|海口|zhao-heng||C|prompt
C-215|秋水湾饮料（东莞）有限公司|industrial_customer|beverage|东莞|sun-qi||C|late
C-216|知夏饮料（武汉）有限公司|industrial_customer|beverage|武汉|gao-yuan||C|prompt
C-217|月牙塘便利连锁（济南）有限公司|retailer|retail|济南|he-min||C|early
C-218|青梧包装商贸（南昌）有限公司|dealer|mixed|南昌|sun-qi||C|early
C-219|Hazelcombe Botanicals (Changchun) Ltd.|industrial_customer|herbal|长春|tom-barker||B|prompt
C-220|石榴湾礼品（徐州）有限公司|industrial_customer|gift|徐州|sun-qi||C|prompt
""".strip().splitlines()
)
"""Id, name, type, trade, city, owner, group, size, payer. The first thirty have stories or belong to groups."""
