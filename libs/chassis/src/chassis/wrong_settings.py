"""How a setting that cannot be is told."""

from pydantic import ValidationError


def named(wrong: ValueError) -> str:
    """Which variables hold what they may not, in one sentence without a value: it may be a secret."""
    if not isinstance(wrong, ValidationError):
        field = str(wrong).partition('"')[2].partition('"')[0]
        return f"KEHU_{field.upper()}__...: what should be JSON is not"
    found = wrong.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"KEHU_{'__'.join(str(part).upper() for part in e['loc'])}: {e['msg']}" for e in found)
