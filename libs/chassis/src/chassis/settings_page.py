"""docs/reference/settings.md, from the settings themselves."""

from chassis.settings import GROUPS


def reference() -> str:
    """docs/reference/settings.md: every setting with its default and meaning."""
    lines = [
        "# Settings",
        "",
        "Generated. Each is read once, at the start: from the environment, or from a file in `KEHU_SECRETS_DIR`,",
        "named in lower case and without `KEHU_` (`keys__encryption`), as orchestrators mount secrets.",
        "",
    ]
    for group, model in GROUPS:
        lines += [
            f"## {group}",
            "",
            (model.__doc__ or "").strip(),
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
        ]
        for name, found in model.model_fields.items():
            default = found.get_default(call_default_factory=True, validated_data={})
            lines.append(f"| `KEHU_{group.upper()}__{name.upper()}` | `{default}` | {found.description} |")
        lines.append("")
    return "\n".join(lines)
