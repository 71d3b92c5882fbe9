"""Why a cluster does not let us in, asked once more of one of its brokers: the client says only that it does not."""

import asyncio
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from engine.kafka.access import Access

PATIENCE = 5.0
NOT_LET_IN = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


async def reason(access: Access) -> str:
    """A sentence that says what to do, without the password."""
    said = [await _asked(access, address) for address in access.bootstrap.split(",")]
    return "; ".join(dict.fromkeys(said))


async def _asked(access: Access, address: str) -> str:
    host, _, port = address.strip().rpartition(":")
    options = {name: value for name, value in access.options().items() if name != "bootstrap_servers"}
    try:
        async with asyncio.timeout(PATIENCE):
            connection = await create_conn(host, int(port), client_id="kehu", **options)
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (KafkaError, OSError, TimeoutError) as error:
        return f"{address}: {_told(error, access)}"
    return f"{address}: it answers now"


def _told(error: Exception, access: Access) -> str:
    if isinstance(error, NOT_LET_IN):
        return (
            f"the broker does not let in user {access.username} by {access.mechanism}: look at KEHU_KAFKA__USERNAME, "
            "KEHU_KAFKA__PASSWORD and KEHU_KAFKA__MECHANISM"
        )
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "the certificate of the broker is not one we trust: name its authority's in KEHU_KAFKA__CA"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there: is KEHU_KAFKA__BOOTSTRAP right, and does the broker run?"
    return (
        f"the broker breaks off ({type(error).__name__}): does this listener want another security than "
        f"{access.security}? (KEHU_KAFKA__SECURITY)"
    )
