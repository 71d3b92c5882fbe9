"""The part of complaint-svc in the story its API document tells: a complaint through its seven steps."""

from chassis.examples import Example, Story

CP = {"complaint": "CP-9001"}
OPENING = {
    **CP,
    "customer": "C-9001",
    "complainant": {"person": "P-9002", "name": "李强", "phone": "021-5551 0002"},
    "subject": "product_quality",
    "object": "D-9001: two pumps leak",
    "demand": "two new pumps",
    "invoice": "I-9001",
    "disputed": {"amount": "13560.00", "currency": "CNY"},
}
LEAKS = {**CP, "established": True, "finding": "both leak at the seal", "feedback": "you are right, we apologise"}
NO_LEAK = {**CP, "established": False, "finding": "no leak on the photo", "feedback": "please send a video"}

STORY = Story(
    "complaint_svc",
    (
        Example(73, "complaint_handler", "POST /", "Two pumps leak", OPENING),
        Example(74, "complaint_handler", "POST /judge", "Not established at first", NO_LEAK),
        Example(
            75, "complaint_handler", "POST /reopen", "Now there is a video", {**CP, "new_facts": "a video of the leak"}
        ),
        Example(76, "complaint_handler", "POST /judge", "Established", LEAKS),
        Example(
            77, "complaint_handler", "POST /assign", "To quality", {**CP, "department": "quality", "responsible": "sun"}
        ),
        Example(
            78,
            "complaint_handler",
            "POST /analyse",
            "The cause",
            {**CP, "departments": ["quality", "purchasing"], "cause": "seals of a new supplier"},
        ),
        Example(79, "complaint_handler", "POST /propose", "New seals", {**CP, "solution": "new seals, fitted by us"}),
        Example(
            82,
            "complaint_handler",
            "POST /refuse",
            "That is too little",
            {**CP, "solution_version": 1, "answer": "we want new pumps", "negotiation": "a new pump, a new seal"},
        ),
        Example(
            83,
            "complaint_handler",
            "POST /propose",
            "What was agreed",
            {**CP, "solution": "a new pump, a new seal"},
        ),
        Example(84, "complaint_handler", "POST /accept", "They agree", {**CP, "solution_version": 2}),
        Example(85, "complaint_handler", "POST /carry-out", "Done", {**CP, "result": "both run dry since 10 March"}),
        Example(
            86,
            "complaint_handler",
            "POST /evaluate",
            "Closed",
            {
                **CP,
                "summary": "seals of a new supplier leaked",
                "prevention": "every lot of seals is tested",
                "action": "none: the supplier pays",
            },
        ),
        Example(
            87,
            "complaint_handler",
            "POST /correct",
            "A text put right",
            {
                **CP,
                "step": "evaluated",
                "field": "action",
                "value": "the supplier pays, purchasing was told",
                "reason": "incomplete",
            },
        ),
        Example(88, "sales", "GET /", "All complaints of a customer", query={"customer": "C-9001"}),
        Example(89, "complaint_handler", "GET /complainant", "Who complained?", query=CP),
        Example(90, "sales", "GET /{complaint}", "All its steps", path=CP, becomes={"/stage": "evaluated"}, shown=True),
    ),
)
