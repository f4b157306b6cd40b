"""What a clause did, in words."""

from whispr_daemon.domain.outputs import Alert, Audit, Output


def action_in_words(output: Output) -> str:
    """Return ``emit GG_trigger``, ``alert info "GG crossed 38%"`` …"""
    if isinstance(output, Alert):
        return f'alert {output.severity} "{output.message}"'
    if isinstance(output, Audit):
        return f'{output.name} "{output.message}"'
    if output.intent is not None:
        words = ", ".join(f"{key} {_plain(value)}" for key, value in output.intent.items())
        return f"{output.name} {words}"
    strength = "" if output.strength is None else f" {output.strength:g}"
    return f"emit {output.name}{strength}"


def _plain(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
