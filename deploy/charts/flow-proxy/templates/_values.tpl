{{- /* Values as templates read them. Values files for Traefik's chart have nulls, empty groups and templates in text. */ -}}

{{- /* Makes the groups of `known` that are absent or null in `values` empty, so that what is in them can be looked up. */ -}}
{{- define "flow-proxy.groups" -}}
{{- range $name, $rule := .known }}
{{- if and (kindIs "map" $rule) (ne $name "*") }}
{{- if not (kindIs "map" (get $.values $name)) }}{{ $_ := set $.values $name dict }}{{ end }}
{{- include "flow-proxy.groups" (dict "values" (get $.values $name) "known" $rule) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* To be included before values are read, once a template file. */ -}}
{{- define "flow-proxy.prepare" -}}
{{- $_ := include "flow-proxy.groups" (dict "values" .Values "known" (include "flow-proxy.known" . | fromYaml)) }}
{{- end }}

{{- define "flow-proxy.known" -}}
{{- .Files.Get "files/known-values.yaml" }}
{{- end }}

{{- /* JSON of `base` with what `over` says in its place. Nothing is said by null and by what is empty; false and 0 are something. */ -}}
{{- define "flow-proxy.overlay" -}}
{{- $result := deepCopy (.base | default dict) }}
{{- range $name, $value := .over }}
{{- if kindIs "map" $value }}
{{- $below := get $result $name }}
{{- $_ := set $result $name (include "flow-proxy.overlay" (dict "base" (ternary $below dict (kindIs "map" $below)) "over" $value) | fromJson) }}
{{- else if include "flow-proxy.something" $value }}
{{- $_ := set $result $name $value }}
{{- end }}
{{- end }}
{{- toJson $result }}
{{- end }}

{{- /* Whether a value is more than null, "", [] or {}. */ -}}
{{- define "flow-proxy.something" -}}
{{- if kindIs "bool" . }}true{{ else if kindIs "float64" . }}true{{ else if not (empty .) }}true{{ end }}
{{- end }}

{{- /* JSON of what `rules` know of `values`; the notes name the rest. */ -}}
{{- define "flow-proxy.served" -}}
{{- $result := dict }}
{{- range $name, $value := .values }}
{{- $rule := get $.rules $name | default (get $.rules "*") }}
{{- if and (kindIs "map" $rule) (kindIs "map" $value) }}
{{- $_ := set $result $name (include "flow-proxy.served" (dict "values" $value "rules" $rule) | fromJson) }}
{{- else if eq (toString $rule) "any" }}
{{- $_ := set $result $name $value }}
{{- end }}
{{- end }}
{{- toJson $result }}
{{- end }}

{{- /* A template of the user's, carried out; it may use the names of Traefik's chart: text, context. */ -}}
{{- define "flow-proxy.object" -}}
{{- tpl (regexReplaceAll "(template|include) +([\"`])traefik\\.(fullname|name|namespace|labels|labelselector|serviceAccountName)([\"`])" .text "${1} ${2}flow-proxy.${3}${4}") .context }}
{{- end }}

{{- /* Text that may be such a template: text, context. Other braces are left as they are. */ -}}
{{- define "flow-proxy.text" -}}
{{- if regexMatch "\\{\\{.*(template|include|\\.Release|\\.Values|\\.Chart|\\.Capabilities)" .text }}{{ include "flow-proxy.object" . }}{{ else }}{{ .text }}{{ end }}
{{- end }}

{{- /* The same for a value that is written as YAML: value, context. */ -}}
{{- define "flow-proxy.yaml" -}}
{{- include "flow-proxy.text" (dict "text" (toYaml .value) "context" .context) }}
{{- end }}

{{- /* Annotations as YAML, whose values are always text: value, context. */ -}}
{{- define "flow-proxy.annotations" -}}
{{- $texts := dict }}
{{- range $name, $value := .value }}
{{- if not (kindIs "invalid" $value) }}{{ $_ := set $texts $name (include "flow-proxy.scalar" $value) }}{{ end }}
{{- end }}
{{- include "flow-proxy.yaml" (dict "value" $texts "context" .context) }}
{{- end }}

{{- /* A scalar as people write it: Helm reads numbers as floats, and 5000000 must not become 5e+06. */ -}}
{{- define "flow-proxy.scalar" -}}
{{- if kindIs "float64" . }}{{ if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}
{{- else }}{{ toString . }}{{ end }}
{{- end }}
