"""Discards requests that the fuzzer generates as invalid, but that are valid because their invalid part is not sent.

- An empty query parameter counts as absent, because HTML forms send absent values in this way.
- A field of a form whose value is empty is not sent in a multipart body.
"""

from typing import Any

import schemathesis
from schemathesis.generation.modes import GenerationMode


def is_empty(value: Any) -> bool:
    """Returns whether the value is not sent at all."""
    if isinstance(value, dict):
        # A member without a name is not sent.
        return all(not name or is_empty(member) for name, member in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_empty(item) for item in value)
    return value is None or value == ""


def has_empty_parameter(query: Any) -> bool:
    return any(is_empty(value) for value in dict(query or {}).values())


def has_unsent_field(case: schemathesis.Case) -> bool:
    is_form = (case.media_type or "").startswith("multipart/")
    return is_form and isinstance(case.body, dict) and any(is_empty(value) for value in case.body.values())


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.NEGATIVE:
        return True
    return not has_empty_parameter(case.query) and not has_unsent_field(case)
