"""The sensor that HACKING.md shows does what is said there."""

import json
import re
import subprocess
from pathlib import Path

from lib import PROGRAM, ROOT

MAIN = """
#include "sensors/decode.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *given = argc > 1 ? argv[1] : sensor_example.simulation->sample;
	struct buffer out;
	char why[200];

	buffer_init(&out, 4096);
	if (decode_run(&sensor_example, NULL, (const uint8_t *)given, strlen(given), &out, why,
		    sizeof why) != 0)
		return 1;
	fputs(buffer_text(&out), stdout);
	buffer_free(&out);
	return 0;
}
"""


def test_the_sensor_of_hacking_md(home):
    text = (ROOT / "HACKING.md").read_text()
    source = home.path / "example.c"
    source.write_text(re.search(r"^```c\n(.*?)^```$", text, re.M | re.S).group(1) + MAIN)
    build = Path(PROGRAM).parent
    libraries = re.search(r"^LIBS := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.M).group(1)
    program = home.path / "example"
    subprocess.run((build / "flags").read_text().split()
                   + ["-I", str(ROOT), "-o", str(program), str(source), str(build / "libmuabui.a"),
                      *libraries.replace("\\\n", " ").split()],
                   check=True, timeout=120, cwd=ROOT)

    def decode(*given):
        answer = subprocess.run([program, *given], capture_output=True, check=True, timeout=10)
        return [json.loads(line) for line in answer.stdout.splitlines()]

    fixture = re.search(r"bytes as they came \(`([0-9A-F ]+)`\)", text).group(1)
    for given in ((), (fixture,)):
        assert decode(*given) == [{"pm25": 35.2}, {"frames": 1, "bad": {}, "skipped_bytes": 0}]
    assert decode("7E 01 60 62 0D " + fixture)[-1] == {
        "frames": 1, "bad": {"checksum": 1}, "skipped_bytes": 5}
