{{- /* Flags of a value below a name, one a line: maps go deeper, lists of scalars are joined, lists of maps counted. */ -}}
{{- define "flow-proxy.flags" -}}
{{- $at := .at }}
{{- if kindIs "map" .value }}
{{- range $name, $value := .value }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.%s" $at $name) "value" $value) }}
{{- end }}
{{- else if kindIs "slice" .value }}
{{- if and .value (kindIs "map" (first .value)) }}
{{- range $i, $value := .value }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s[%d]" $at $i) "value" $value) }}
{{- end }}
{{- else if .value }}
- {{ printf "%s=%s" $at (join "," .value) | quote }}
{{- end }}
{{- else if not (or (kindIs "invalid" .value) (eq (toString .value) "")) }}
- {{ printf "%s=%s" $at (include "flow-proxy.scalar" .value) | quote }}
{{- end }}
{{- end }}

{{- /* Every argument of the container. */ -}}
{{- define "flow-proxy.arguments" -}}
{{- $values := .Values }}
{{- $known := include "flow-proxy.known" . | fromYaml }}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- range $values.globalArguments }}
- {{ include "flow-proxy.text" (dict "text" (toString .) "context" $) | quote }}
{{- end }}
{{- include "flow-proxy.flags" (dict "at" "--global" "value" (pick $values.global "checkNewVersion" "sendAnonymousUsage")) }}
{{- range $name, $port := $ports }}
{{- $served := include "flow-proxy.served" (dict "values" $port "rules" (get $known.ports "*")) | fromJson }}
{{- include "flow-proxy.entryPoint" (dict "name" $name "port" $served "ports" $ports "drain" $values.drain "hostNetwork" $values.hostNetwork) }}
{{- end }}
{{- if include "flow-proxy.servesApi" . }}
- "--api.insecure=true"
{{- end }}
{{- include "flow-proxy.flags" (dict "at" "--api" "value" (pick $values.api "dashboard" "basePath" "dashboardName" "disableDashboardAd")) }}
- "--ping=true"
{{- include "flow-proxy.metricsFlags" . }}
{{- include "flow-proxy.providerFlags" . }}
- {{ printf "--acme.mode=%s" (ternary ($values.acme.mode | default "auto") "off" (eq (toString $values.acme.enabled) "true")) | quote }}
{{- include "flow-proxy.flags" (dict "at" "--certificatesResolvers" "value" (include "flow-proxy.servedResolvers" . | fromJson)) }}
{{- include "flow-proxy.flags" (dict "at" "--core" "value" (pick $values.core "defaultRuleSyntax" "strictTLSOptions")) }}
{{- include "flow-proxy.logFlags" . }}
{{- include "flow-proxy.accessLogFlags" . }}
{{- range $values.additionalArguments }}
- {{ include "flow-proxy.text" (dict "text" (toString .) "context" $) | quote }}
{{- end }}
{{- end }}
