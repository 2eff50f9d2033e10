"""The views in a notebook's output without a widget: a page within a frame, and a table."""

from __future__ import annotations

import html
import uuid

HEIGHT = 640
_MIN, _MAX = 200, 4000

# The page tells how high it is. Where this script does not run, the frame scrolls.
_FOLLOW = """
(() => {
  const frame = document.getElementById(%(id)s);
  if (!frame) return;
  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow) return;
    const height = Number(event.data && event.data.microtomeHeight);
    if (height > 0) frame.style.height = Math.min(Math.max(height, %(min)d), %(max)d) + "px";
  });
})();
"""


def in_frame(page: str, table: str, title: str, height: int | None = None) -> str:
    """HTML for a notebook's output.

    Args:
        page: The whole page.
        table: What to show where frames are not: HTML without scripts.
        title: What it shows, for screen readers.
        height: In pixels; by default as high as what the page shows.
    """
    name = f"microtome-{uuid.uuid4().hex[:12]}"
    follow = ""
    if height is None:
        script = _FOLLOW % {"id": f'"{name}"', "min": _MIN, "max": _MAX}
        follow = f"<script>{script}</script>"
    return (
        f'<iframe id="{name}" title="{html.escape(title)}" srcdoc="{html.escape(page)}" '
        'sandbox="allow-scripts allow-downloads" '
        f'style="width:100%;height:{height or HEIGHT}px;border:0"></iframe>{follow}'
        f"<details><summary>As a table</summary>{table}</details>"
    )
