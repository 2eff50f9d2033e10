"""The names that `import microtome` promises lead somewhere."""

from __future__ import annotations

import microtome


def test_every_module_and_every_name_is_there() -> None:
    missing = []
    for name in [*microtome._MODULES, *microtome._HOME]:
        try:
            getattr(microtome, name)
        except (ImportError, AttributeError) as error:
            missing.append(f"{name}: {error!r}")
    assert not missing
