#!/usr/bin/python3
"""Lighthouse (as a phone) and axe on the citizens' page of a small city, with a report.

usage: tests/browser/audit/run.py FOLDER      FOLDER/node_modules has both (see the Makefile)

Fails where a score or a rule is below what the page promises.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import conftest  # noqa: E402, F401 (finds the scenarios' parts)
from browsers import Chromium  # noqa: E402
from city import City  # noqa: E402
from lib import Broker, Home, find_program  # noqa: E402
from push import make_key  # noqa: E402

LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 95}
PATHS = ("/", "/stations", "/stations/HN-HD-06", "/alerts", "/about")
FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --no-proxy-server "
         "--disable-background-networking --disable-component-update --disable-sync")
RULES = [{"name": "dust", "metric": "pm25", "above": 280.0, "severity": "severe"}]
# axe looks at what is shown: everything is opened first.
OPEN = ("document.querySelectorAll('details').forEach((details) => { details.open = true; });"
        " document.querySelector('#as-map')?.click()")
AXE = ("axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations.map((one) =>"
       " ({ id: one.id, impact: one.impact, where: one.nodes.map((node) => node.target.join(' ')).slice(0, 4) })))")


def lighthouse(folder, url, report):
    subprocess.run(
        [find_program("node"), str(folder / "node_modules/lighthouse/cli/index.js"), url, "--quiet",
         "--output=json", f"--output-path={report}", f"--chrome-flags={FLAGS}",
         "--only-categories=" + ",".join(LEAST)],
        check=True, timeout=180, env={**os.environ, "CHROME_PATH": find_program("chromium")})
    result = json.loads(report.read_text())
    scores = {name: round(100 * part["score"]) for name, part in result["categories"].items()}
    for name, part in result["categories"].items():
        for item in part["auditRefs"]:
            audit = result["audits"][item["id"]]
            if audit["score"] is not None and audit["score"] < 0.9 and item["weight"] > 0:
                print(f"    {name}: {audit['title']} ({audit.get('displayValue', '')})")
    return scores


def axe(browser, source, url):
    browser.open(url)
    browser.wait("!document.querySelector('#charts, #finder, #subscribe') || document.querySelector("
                 "'figure svg, #finder:not([hidden]), #push-save') !== null", "the scripts have run")
    browser.evaluate(OPEN)
    browser.evaluate("new Promise((resolve) => setTimeout(resolve, 700))")
    browser.evaluate(source + "\n;true")
    return browser.evaluate(AXE)


def main():
    folder = Path(sys.argv[1]).resolve()
    home = Home()
    wrong = 0
    try:
        make_key(home.path / "vapid.pem")
        # With Web Push, so that its form is looked at as well.
        city = City(home, Broker(home), alerts={"rules": RULES, "channels": [
            {"name": "web", "type": "webpush", "subject": "mailto:env@hanoi.example",
             "key_file": home.path / "vapid.pem"}]})
        city.say("HN-HD-06", pm25=300.0)
        for path in PATHS[:3:2]:
            scores = lighthouse(folder, city.url + path, home.path / "report.json")
            print(f"lighthouse {path}: " + ", ".join(f"{n} {s}" for n, s in scores.items()))
            wrong += sum(scores[name] < least for name, least in LEAST.items())
        browser = Chromium(home)
        source = (folder / "node_modules/axe-core/axe.min.js").read_text()
        for dark in (False, True):
            browser.size(360, 800, dark)
            for path in (*PATHS, "/?kiosk"):
                for language in ("vi", "en"):
                    mark = "&" if "?" in path else "?"
                    found = axe(browser, source, f"{city.url}{path}{mark}lang={language}")
                    wrong += len(found)
                    print(f"axe {path} {language} {'dark' if dark else 'light'}: "
                          + ("nothing" if not found else json.dumps(found, indent=1)))
    finally:
        home.end()
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
