"""A document produced to Kafka and the receipt for it: python produce.py HOST:PORT"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

TERMS = {"customer": "C-100", "limit": {"amount": "5000.00", "currency": "CNY"}, "valid_from": "2026-01-01"}
HEADERS = {"specversion": "1.0", "source": "//erp/main", "id": "terms-100-1", "type": "erp.CreditTerms.v1"}


async def main(kafka: str) -> None:
    async with (
        AIOKafkaConsumer("kehu.erp.receipts.v1", bootstrap_servers=kafka, auto_offset_reset="earliest") as receipts,
        AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True) as producer,
    ):
        headers = [("content-type", b"application/json"), *((f"ce_{n}", v.encode()) for n, v in HEADERS.items())]
        await producer.send_and_wait("erp.finance.v1", json.dumps(TERMS).encode(), key=b"C-100", headers=headers)
        async for record in receipts:
            receipt = json.loads(record.value)
            if receipt["id"] == HEADERS["id"]:
                print(receipt["id"], receipt["verdict"], *receipt.get("sentence", "").splitlines())
                break


asyncio.run(main(sys.argv[1]))
