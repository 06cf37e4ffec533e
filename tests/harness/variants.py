"""A chart under many sets of values, rendered by one run of helm: each set is a dependency of a chart around it."""

import dataclasses
import re
import shutil

import yaml

NOTES = """{{ range $name, $variant := .Subcharts }}
## {{ $name }}
{{ include "CHART.warnings" $variant }}
{{- end }}
"""


@dataclasses.dataclass
class Rendered:
    """The result of one set of values: the manifests as text, and the warnings of the notes."""

    text: str
    warnings: str

    def items(self):
        return [item for item in yaml.safe_load_all(self.text) if item]


def render_variants(helm, folder, chart, sets, *more):
    """Renders the chart (a folder) with each of `sets` (values), in a folder of its own; one `Rendered` each, or helm's error."""
    shutil.copytree(chart, folder / "charts" / chart.name, ignore=shutil.ignore_patterns("crds"))
    version = yaml.safe_load((chart / "Chart.yaml").read_text())["version"]
    names = [f"variant{number:04}" for number in range(len(sets))]
    parts = [{"name": chart.name, "version": version, "repository": "", "alias": name} for name in names]
    (folder / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "variants", "version": "0.1.0", "dependencies": parts}))
    (folder / "templates").mkdir()
    (folder / "templates" / "NOTES.txt").write_text(NOTES.replace("CHART", chart.name))
    values = {name: {"nameOverride": chart.name, **given} for name, given in zip(names, sets, strict=True)}
    done = helm("install", "release", folder, "-n", "default", "--dry-run=client", *more, values=values)
    manifests, _, notes = done.stdout.partition("\nNOTES:\n")
    texts, warnings = dict.fromkeys(names, ""), dict.fromkeys(names, "")
    for document in manifests.split("\n---\n"):
        source = re.match(r"# Source: variants/charts/(\w+)/templates/", document)
        if source:
            texts[source[1]] += document.replace(source[1], chart.name).rstrip() + "\n---\n"
    for part in re.split("^## ", notes, flags=re.MULTILINE)[1:]:
        name, _, said = part.partition("\n")
        warnings[name] = said.strip()
    return [Rendered(texts[name], warnings[name]) for name in names]
