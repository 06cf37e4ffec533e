{{- /* Values of groups that are switched off, where they ask for something, one group a line. */ -}}
{{- define "flow-proxy.switchedOff" -}}
{{- $defaults := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- $values := .Values }}
{{- $prometheus := $values.metrics.prometheus }}
{{- if not (include "flow-proxy.accessLog" . | fromJson).enabled }}
{{- include "flow-proxy.withoutEffect" (dict "switch" "accessLog.enabled" "at" "accessLog" "value" (pick $values.accessLog "format" "filePath" "bufferingSize" "addInternals" "filters" "fields") "default" $defaults.accessLog) }}
{{- include "flow-proxy.withoutEffect" (dict "switch" "logs.access.enabled" "at" "logs.access" "value" (pick $values.logs.access "format" "filePath" "bufferingSize" "addInternals" "filters" "fields") "default" $defaults.logs.access) }}
{{- end }}
{{- if not $values.autoscaling.enabled }}
{{- include "flow-proxy.withoutEffect" (dict "switch" "autoscaling.enabled" "at" "autoscaling" "value" $values.autoscaling "default" $defaults.autoscaling) }}
{{- end }}
{{- if not $values.persistence.enabled }}
{{- /* The others are of the folder, which is there all the same. */ -}}
{{- include "flow-proxy.withoutEffect" (dict "switch" "persistence.enabled" "at" "persistence" "value" (omit $values.persistence "name" "path" "subPath" "emptyDir") "default" $defaults.persistence) }}
{{- end }}
{{- if not $values.podDisruptionBudget.enabled }}
{{- include "flow-proxy.withoutEffect" (dict "switch" "podDisruptionBudget.enabled" "at" "podDisruptionBudget" "value" $values.podDisruptionBudget "default" $defaults.podDisruptionBudget) }}
{{- end }}
{{- if not $values.providers.file.enabled }}
{{- include "flow-proxy.withoutEffect" (dict "switch" "providers.file.enabled" "at" "providers.file" "value" $values.providers.file "default" $defaults.providers.file) }}
{{- end }}
{{- range list "serviceMonitor" "prometheusRule" }}
{{- if not (get $prometheus .).enabled }}
{{- $at := printf "metrics.prometheus.%s" . }}
{{- include "flow-proxy.withoutEffect" (dict "switch" (printf "%s.enabled" $at) "at" $at "value" (get $prometheus .) "default" (get $defaults.metrics.prometheus .)) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The line of one group: switch, at, value, default. */ -}}
{{- define "flow-proxy.withoutEffect" -}}
{{- with include "flow-proxy.asked" (dict "at" .at "value" .value "default" .default) | trim }}
- {{ $.switch }} is not true, so there is no effect of {{ splitList "\n" . | join ", " }}
{{- end }}
{{- end }}
