"""ISO 4217: the active currency codes and the number of decimal places of each."""

from decimal import Decimal, localcontext

_PLACES = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
    **dict.fromkeys(
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
        "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG "
        "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
        "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
        "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER "
        "ZAR ZMW ZWG".split(),
        2,
    ),
}
UNITS = {code: Decimal(1).scaleb(-places) for code, places in _PLACES.items()}
"""The smallest amount of each: 0.01 of CNY."""

_ENOUGH = 80
"""Digits no sum of amounts has."""


def minor_units(code: str) -> int:
    """Decimal places of `code` (ISO 4217). Raises ValueError for a code that is not an active currency."""
    try:
        return _PLACES[code]
    except KeyError:
        raise ValueError(f"{code} is not an ISO 4217 currency code") from None


def in_minor_units(amount: Decimal, code: str) -> Decimal:
    """`amount` with the decimal places of `code`: 0 is ``0.00`` in CNY. A finer amount keeps its digits, so sums hold.

    Raises ValueError for a code that is not an active currency.
    """
    with localcontext(prec=_ENOUGH):
        written = +amount.quantize(Decimal(1).scaleb(-minor_units(code)))
        return written if written == amount else amount.normalize()
