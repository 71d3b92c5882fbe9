"""Codes in words: English and Chinese, by the name of the field that holds them."""

from collections.abc import Mapping

Words = Mapping[str, tuple[str, str]]

CURRENCIES: Mapping[str, str] = {
    "CNY": "元",
    "USD": "美元",
    "EUR": "欧元",
    "JPY": "日元",
    "HKD": "港元",
    "GBP": "英镑",
}
_RULES: Words = {
    "limit_breach": ("credit limit exceeded", "信用额度超限"),
    "overdue": ("payment overdue", "货款逾期"),
    "receivables_line": ("receivables above the warning line", "应收账款超警戒线"),
    "dso_above_target": ("days sales outstanding above target", "销售变现天数超标"),
}
WORDS: Mapping[str, Words] = {
    "how": {
        "visit": ("visit", "拜访"),
        "phone": ("telephone", "电话"),
        "form": ("information form", "信息采集表"),
        "registration": ("registration", "会员注册"),
        "market_research": ("market research", "市场调研"),
        "satisfaction_survey": ("satisfaction survey", "满意度调查"),
        "online_survey": ("online survey", "在线调研"),
        "feedback": ("customer feedback", "客户反馈"),
        "erp": ("the ERP", "ERP 系统"),
        "other": ("other means", "其他"),
    },
    "type": {
        "dealer": ("dealer", "经销商"),
        "retailer": ("retailer", "零售商"),
        "agent": ("agent", "代理商"),
        "industrial_customer": ("industrial customer", "工业客户"),
        "consumer": ("consumer", "消费者"),
        "other": ("another type", "其他类型"),
    },
    "form": {
        "general_agent": ("general agent of a region", "地区总代理"),
        "key_customer": ("key customer of a marketing department", "市场部关键客户"),
        "large_industrial": ("large industrial enterprise", "大型工业企业"),
    },
    "rest": {"complete": ("complete", "已全部交货"), "partial": ("in part", "部分交货")},
    "despite": {"not_decided": ("not decided", "尚未完成"), "held": ("held", "已冻结")},
    "bound": {"unlimited": ("unlimited", "不限"), "none": ("none", "无")},
    "by": {
        "person": ("a person", "人工"),
        "cause_gone": ("itself, its causes are gone", "原因消失，自动解冻"),
        "facts": ("the facts", "数据已恢复"),
    },
    "cause": {
        "cancelled": ("cancelled", "已取消"),
        "changed": ("changed", "已变更"),
        "fulfilled": ("fulfilled", "已履行"),
        "order_granted": ("order granted", "订单获得信用"),
        "order_held": ("order held", "订单冻结"),
        "hold_released": ("hold released", "订单解冻"),
        "order_cancelled": ("order cancelled", "订单取消"),
        "reservation_expired": ("reservation expired", "额度占用到期"),
        "order_delivered": ("order delivered", "订单发货"),
        "invoice_issued": ("invoice issued", "开具发票"),
        "payment_received": ("payment received", "收到付款"),
        "credit_note_issued": ("credit note issued", "开具贷项通知单"),
        "cash_allocated": ("cash allocated", "款项核销"),
    },
    "document_kind": {"payment": ("payment", "付款"), "credit_note": ("credit note", "贷项通知单")},
    "subject": {
        "product_quality": ("product quality", "产品质量"),
        "late_delivery": ("late delivery", "延迟交货"),
        "specification": ("specification", "规格不符"),
        "packaging": ("packaging", "包装问题"),
        "service": ("service", "服务水平"),
        "logistics": ("logistics", "物流配送"),
        "other": ("something else", "其他"),
    },
    "verdict": {"established": ("found established", "成立"), "not_established": ("found not established", "不成立")},
    "step": {
        "recorded": ("recording", "记录"),
        "judged": ("judgement", "判定"),
        "assigned": ("assignment", "分派"),
        "analysed": ("analysis", "原因分析"),
        "proposed": ("proposal", "提出方案"),
        "carried_out": ("execution", "执行"),
        "evaluated": ("evaluation", "评价"),
    },
    "rule": _RULES,
    "level": {"notice": ("notice", "提示"), "warning": ("warning", "警告"), "critical": ("critical", "严重")},
    "use": {"on": ("on", "启用"), "off": ("off", "停用")},
}
