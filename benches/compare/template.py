"""Configuration files with a few names and switches."""

import pathlib
import re

FOLDER = pathlib.Path(__file__).parent / "templates"
_SWITCH = re.compile(r"@(!?)(\w+) ")


def render(name, values, features):
    """The template `name` with `{{value}}` put in. A line that begins with `@feature ` is for runs that have the feature, one with
    `@!feature ` for those that do not; several switches must all hold."""
    lines = []
    for line in (FOLDER / name).read_text().splitlines():
        text = line.lstrip()
        indent = line[: len(line) - len(text)]
        kept = True
        while switch := _SWITCH.match(text):
            kept = kept and (switch[2] in features) == (not switch[1])
            text = text[switch.end() :]
        if kept:
            lines.append(indent + text)
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(values[found[1]]), "\n".join(lines)) + "\n"
