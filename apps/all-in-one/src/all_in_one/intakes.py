"""Which service takes a document of the ERP: known without loading the services, which takes seconds."""

from credit_svc import intake as credit
from customer_svc import intake as customer


def intake_prefixes() -> dict[str, str]:
    """Document type -> path of the service that takes it."""
    return {document.type: taker.PREFIX for taker in (customer, credit) for document in taker.TAKES}
