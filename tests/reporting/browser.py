"""A page opened in headless Chromium, in a frame as wide as a screen; what a script finds in it comes back."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell", "headless_shell")
SEARCHED = "chromium, google-chrome on PATH, Playwright's in ~/.cache/ms-playwright, and $CHROMIUM"

OUTER = """<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>:root {{ color-scheme: light dark }} body {{ margin: 0 }} iframe {{ border: 0; display: block }}</style>
<iframe id="page" style="width: {width}px; height: {height}px" srcdoc="{page}"></iframe><pre id="told"></pre>
<script>
const frame = document.getElementById("page");
window.addEventListener("load", () => {{
  const inner = frame.contentWindow, doc = frame.contentDocument;
  let told;
  try {{ told = (() => {{ {script} }})(); }} catch (error) {{ told = {{error: String(error)}}; }}
  document.getElementById("told").textContent = JSON.stringify(told);
}});
</script>"""


def find_browser():
    """The path of a Chromium; None where there is none."""
    given = os.environ.get("CHROMIUM")
    found = [given] if given else [path for path in map(shutil.which, NAMES) if path]
    cache = Path.home() / ".cache" / "ms-playwright"
    found += [str(path) for name in ("headless_shell", "chrome-headless-shell", "chrome")
              for path in sorted(cache.glob(f"chromium*/*/{name}"))]
    return found[0] if found else None


def look(browser, page, script, folder, width=1280, height=900, dark=False, picture=None):
    """(what the script returns, lines of the console). script: of a function's body; `inner`, `doc` are the page's
    window and document. picture: a path for a screenshot, which is another run."""
    outer = folder / "outer.html"
    outer.write_text(OUTER.format(width=width, height=height, page=html.escape(page.read_text()), script=script))
    argv = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--no-first-run", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}", f"--window-size={max(width, 500)},{height}"]
    if picture:
        subprocess.run([*argv, f"--screenshot={picture}", outer.as_uri()], capture_output=True, timeout=120, check=True)
    done = subprocess.run([*argv, "--dump-dom", outer.as_uri()], capture_output=True, text=True, timeout=120,
                          check=True)
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.S)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(told[1])) if told and told[1] else None, console
