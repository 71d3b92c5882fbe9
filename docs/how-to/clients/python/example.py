"""python example.py http://127.0.0.1:8000 dev-admin"""

import sys
from decimal import Decimal

from kehu import Kehu, Line, Refused

url, token = (*sys.argv[1:], "http://127.0.0.1:8000", "dev-admin")[:2]
with Kehu(url, token) as kehu:
    for customer in kehu.find("hd"):
        print(f"found {customer.customer} {customer.name}")

    pumps = [Line(product="pump", quantity=Decimal(2), price=Decimal("60.00"))]
    position = kehu.order("C-1", pumps, order="O-PY-1", key="python-1")
    order = kehu.seen("O-PY-1", position)
    print(f"ordered {order.order} over {order.currency} {order.total}")

    [read] = kehu.find("C-1")
    kehu.hand_to(read, "chen", key="python-2")
    try:
        kehu.hand_to(read, "zhao", key="python-3")
    except Refused as refused:
        print(f"refused ({refused.status}): {refused}")
