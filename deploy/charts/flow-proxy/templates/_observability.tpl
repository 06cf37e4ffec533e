{{- /* Flags of the log: `log`, or `logs.general` of charts before 41. */ -}}
{{- define "flow-proxy.logFlags" -}}
{{- $log := include "flow-proxy.overlay" (dict "base" .Values.logs.general "over" .Values.log) | fromJson }}
{{- include "flow-proxy.flags" (dict "at" "--log" "value" (pick $log "level" "format" "filePath" "noColor")) }}
{{- end }}

{{- /* JSON of the access log in the words of `accessLog`, with what `logs.access` of charts before 41 says. */ -}}
{{- define "flow-proxy.accessLog" -}}
{{- $old := .Values.logs.access }}
{{- $base := pick $old "format" "filePath" "bufferingSize" "addInternals" }}
{{- $_ := set $base "enabled" (or $old.enabled false) }}
{{- $_ := set $base "filters" (dict "statusCodes" $old.filters.statuscodes "retryAttempts" $old.filters.retryattempts "minDuration" $old.filters.minduration) }}
{{- $fields := $old.fields }}
{{- $headers := dict "defaultMode" $fields.headers.defaultmode "names" $fields.headers.names }}
{{- $parameters := dict "defaultMode" $fields.queryParameters.defaultmode }}
{{- $_ := set $base "fields" (dict "defaultMode" $fields.general.defaultmode "names" $fields.general.names "headers" $headers "queryParameters" $parameters) }}
{{- $new := pick .Values.accessLog "enabled" "format" "filePath" "bufferingSize" "addInternals" "filters" "fields" }}
{{- /* Whoever switches it on by either name wants it. */ -}}
{{- $new = ternary $new (omit $new "enabled") (eq (toString $new.enabled) "true") }}
{{- include "flow-proxy.overlay" (dict "base" $base "over" $new) }}
{{- end }}

{{- define "flow-proxy.accessLogFlags" -}}
{{- $access := include "flow-proxy.accessLog" . | fromJson }}
{{- if $access.enabled }}
- "--accessLog=true"
{{- include "flow-proxy.flags" (dict "at" "--accessLog" "value" (omit $access "enabled")) }}
{{- end }}
{{- end }}

{{- define "flow-proxy.metricsFlags" -}}
{{- $prometheus := .Values.metrics.prometheus }}
{{- if $prometheus.enabled }}
- "--metrics.prometheus=true"
{{- include "flow-proxy.flags" (dict "at" "--metrics.prometheus" "value" (pick $prometheus "entryPoint" "addEntryPointsLabels" "addRoutersLabels" "addServicesLabels" "buckets" "headerLabels" "manualRouting")) }}
{{- include "flow-proxy.flags" (dict "at" "--metrics" "value" (pick .Values.metrics "addInternals")) }}
{{- end }}
{{- end }}

{{- /* A ServiceMonitor finds pods by a Service of their metrics, so there is one with it. */ -}}
{{- define "flow-proxy.hasMetricsService" -}}
{{- $prometheus := .Values.metrics.prometheus }}
{{- if and $prometheus.enabled (or $prometheus.service.enabled $prometheus.serviceMonitor.enabled) }}true{{ end }}
{{- end }}
