{{- /* Values whose name is unknown, or known from Traefik's chart and not served, one a line: at, values, known, defaults (of what is not
       served). A group that is not served is one line, with what is said in it. */ -}}
{{- define "flow-proxy.unknownValues" -}}
{{- range $name, $value := .values }}
{{- $path := ternary $name (printf "%s.%s" $.at $name) (empty $.at) }}
{{- $rule := ternary (get $.known $name) (get $.known "*") (hasKey $.known $name) }}
{{- $default := ternary (get $.defaults $name) nil (hasKey $.defaults $name) }}
{{- if not $rule }}
- {{ $path }} is not known and has no effect
{{- else if kindIs "map" $rule }}
{{- if kindIs "map" $value }}
{{- include "flow-proxy.unknownValues" (dict "at" $path "values" $value "known" $rule "defaults" (ternary $default dict (kindIs "map" $default))) }}
{{- end }}
{{- else if ne $rule "any" }}
{{- with include "flow-proxy.asked" (dict "at" $path "value" $value "default" $default) | trim }}
{{- $what := splitList "\n" . | join ", " }}
- {{ $path }} is known from Traefik's chart and not served here: {{ ternary "WHAT IT PROTECTS IS NOT PROTECTED" "it has no effect" (eq $rule "protects") }}{{ if ne $what $path }} ({{ $what }}){{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The paths, one a line, at which a value asks for something else than its default: at, value, default. */ -}}
{{- define "flow-proxy.asked" -}}
{{- if kindIs "map" .value }}
{{- range $name, $value := .value }}
{{- $default := ternary $.default dict (kindIs "map" $.default) }}
{{- include "flow-proxy.asked" (dict "at" (printf "%s.%s" $.at $name) "value" $value "default" (ternary (get $default $name) nil (hasKey $default $name))) }}
{{- end }}
{{- else if include "flow-proxy.asks" . }}
{{ .at }}
{{- end }}
{{- end }}

{{- /* Whether one value does: null and empty ones never, false and 0 where the default is something else. */ -}}
{{- define "flow-proxy.asks" -}}
{{- if eq (toString .value) (toString .default) }}
{{- else if empty .value }}{{ if and (include "flow-proxy.something" .value) .default }}true{{ end }}
{{- else if ne (toJson .value) (toJson .default) }}true
{{- end }}
{{- end }}
