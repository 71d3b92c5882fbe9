"""What customers complain about and what is done about it, in the language of the customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.complaint import ComplaintSubject


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a case, step by step."""

    object: str
    demand: str
    finding: str
    feedback: str
    cause: str
    solution: str
    better: str
    result: str
    summary: str
    prevention: str
    action: str


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of complaint: who handles it, who takes part, and its texts by language. `money`: about an invoice."""

    subject: ComplaintSubject
    department: str
    departments: Sequence[str]
    words: Mapping[str, Words]
    money: bool = False


def _case(subject: ComplaintSubject, departments: str, zh: str, en: str, *, money: bool = False) -> Case:
    handling, *others = departments.split()
    words = {"zh": Words(*map(str.strip, zh.split("|"))), "en": Words(*map(str.strip, en.split("|")))}
    return Case(subject, handling, (handling, *others), words, money)


CASES: Sequence[Case] = (
    _case(
        "product_quality",
        "quality production",
        "一批罐身焊缝渗漏，灌装后约百分之三漏液 | 换货并赔偿灌装损失 | 抽检二百罐，六罐焊缝渗漏，情况属实"
        " | 已确认质量问题，三日内给出方案 | 焊机电流偏低，首检未测焊缝强度 | 整批换货，赔偿已灌装部分"
        " | 整批换货，赔偿已灌装部分及停线两小时 | 换货已到，赔偿已抵扣货款 | 焊缝渗漏一批，十五日结案"
        " | 焊缝强度列入首检，每小时记录电流 | 当班班长培训后上岗",
        "one batch leaks at the weld, about 3 % after filling | replacement, and the filled goods paid"
        " | 200 cans tested, 6 leak at the weld: established | the defect is confirmed, a proposal follows"
        " | welding current too low, the first test left the weld out | the batch is replaced, filled cans are paid"
        " | the batch is replaced, filled cans and two hours of standstill are paid | replaced, the money set off"
        " | leaking welds, closed after 15 days | weld strength is part of the first test, current noted hourly"
        " | the shift leader is trained anew",
        money=True,
    ),
    _case(
        "late_delivery",
        "logistics planning",
        "订单比约定晚到六天，生产线停工一天 | 说明原因并承担停工损失 | 运输单显示晚到六天，情况属实"
        " | 晚到属实，向贵司致歉 | 排产未预留旺季产能，发车延误 | 停工损失按合同赔付，后续两单优先排产"
        " | 停工损失全额赔付，旺季前锁定产能 | 已赔付，后两单按期到货 | 旺季排产冲突造成延误"
        " | 每周核对大客户旺季产能 | 计划部改进排产流程",
        "the order came six days late, our line stood still for a day | the reason, and the standstill paid"
        " | the waybill says six days late: established | it was late, and we apologise"
        " | no capacity kept for the season, the lorry left late | the standstill is paid, two orders go first"
        " | the standstill is paid in full, capacity is kept for the season | paid, the next two came on time"
        " | two seasons in one plan | capacity is checked every week | planning changes its procedure",
    ),
    _case(
        "specification",
        "sales engineering",
        "到货罐高与图纸相差零点八毫米，无法上线 | 按确认图纸重做 | 实测超出公差，情况属实 | 尺寸不符属实"
        " | 模具更换后未重新核对图纸版本 | 按新图纸重做，十日内交货 | 按新图纸重做，七日内交货并承担运费"
        " | 新批次验收合格 | 图纸版本混用 | 图纸版本纳入开机检查 | 工艺员通报批评",
        "cans are 0.8 mm off the drawing and do not run | made again by the approved drawing"
        " | measured, out of tolerance: established | the size is wrong, indeed"
        " | after a change of tools the version of the drawing was not checked | made again within ten days"
        " | made again within seven days, freight on us | the new batch is accepted | two versions of a drawing in use"
        " | the version is checked at every start | the engineer is cautioned",
    ),
    _case(
        "packaging",
        "warehouse logistics",
        "托盘缠绕膜破损，最下层罐身压变形 | 变形罐退货并补发 | 现场照片与回执一致，情况属实 | 已安排退货补发"
        " | 叉车倾斜装车，未按规范加护角 | 变形罐补发，运费由我司承担 | 变形罐补发并折让百分之二"
        " | 已补发并签收 | 装车损伤 | 出库加护角，装车拍照存档 | 装卸组罚款",
        "the wrapping of pallets was torn, the lowest layer is dented | dented cans replaced"
        " | photos and waybill agree: established | replacements are on their way"
        " | loaded at an angle, without edge protection | replaced, freight on us | replaced, and 2 % off"
        " | replaced and signed for | damage in loading | edge protection, a photo of each load | loaders are fined",
    ),
    _case(
        "service",
        "sales",
        "三次询价无人回复，业务员电话不通 | 指定固定联系人 | 通话与邮件记录属实 | 已指定联系人并致歉"
        " | 业务员休假未交接 | 指定客服专员，两小时内回复 | 指定客服专员，一小时内回复并每月回访 | 专员已上岗，客户满意"
        " | 交接缺失 | 休假须书面交接 | 业务员扣当月绩效",
        "three enquiries went unanswered, nobody picks up | a contact we can rely on"
        " | mails and calls say so: established | a contact is named, with our apology"
        " | on leave, nothing was handed over | a named contact, answers within two hours"
        " | a named contact, answers within an hour, a call every month | at work, the customer is content"
        " | no hand-over | leave needs a written hand-over | part of the month's bonus is lost",
    ),
    _case(
        "logistics",
        "logistics warehouse",
        "送错仓库，货物滞留三天 | 承担仓储费用并更正地址 | 地址录入错误，情况属实 | 费用由我司承担"
        " | 收货地址变更未更新系统 | 承担滞留费并更正地址 | 承担滞留费，下一单免运费 | 费用已付，地址已更正"
        " | 地址维护错误 | 地址变更双人复核 | 责任人通报",
        "brought to the wrong warehouse, held there for three days | storage paid, address corrected"
        " | the address was entered wrongly: established | we bear the cost"
        " | a change of address never got into the system | storage is paid, the address corrected"
        " | storage is paid, no freight on the next order | paid and corrected | a wrong address"
        " | changes of address are checked by a second person | the person responsible is named",
    ),
)
UNFOUNDED: Mapping[str, tuple[str, str]] = {
    "zh": ("复检合格，罐身划痕系客户输送线造成，投诉不成立", "已附检测报告说明，投诉不成立"),
    "en": ("tested again: the scratches come from the customer's conveyor, not established", "with the test report"),
}
"""Finding and feedback of a complaint that is judged not established."""
REFUSAL: Mapping[str, tuple[str, str]] = {
    "zh": ("赔偿不足以弥补停线损失", "电话协商，补充停线损失"),
    "en": ("this does not make up for the standstill", "on the phone: the standstill is added"),
}
"""Answer and negotiation where the first solution is refused."""
