{{- define "flow-proxy.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "flow-proxy.fullname" -}}
{{- $name := include "flow-proxy.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "flow-proxy.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- /* The name of what has no namespace. */ -}}
{{- define "flow-proxy.clusterName" -}}
{{- printf "%s-%s" (include "flow-proxy.fullname" .) (include "flow-proxy.namespace" .) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "flow-proxy.selector" -}}
app.kubernetes.io/name: {{ include "flow-proxy.name" . }}
app.kubernetes.io/instance: {{ .Values.instanceLabelOverride | default .Release.Name }}
{{- end }}

{{- define "flow-proxy.labels" -}}
{{ include "flow-proxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ include "flow-proxy.yaml" (dict "value" . "context" $) }}
{{- end }}
{{- end }}

{{- define "flow-proxy.serviceAccount" -}}
{{- default (include "flow-proxy.fullname" .) (.Values.serviceAccount | default dict).name }}
{{- end }}

{{- /* Names that templates in values may use: those of Traefik's chart, "traefik" before the dot. */ -}}
{{- define "flow-proxy.serviceAccountName" -}}{{ include "flow-proxy.serviceAccount" . }}{{ end }}
{{- define "flow-proxy.labelselector" -}}{{ include "flow-proxy.selector" . }}{{ end }}

{{- define "flow-proxy.kind" -}}
{{- .Values.deployment.kind | default "Deployment" }}
{{- end }}

{{- /* Whether several replicas run at once, as far as is known. */ -}}
{{- define "flow-proxy.several" -}}
{{- if ne (include "flow-proxy.kind" .) "Deployment" }}true
{{- else if .Values.autoscaling.enabled }}{{ if gt (int .Values.autoscaling.minReplicas) 1 }}true{{ end }}
{{- else if gt (int .Values.deployment.replicas) 1 }}true{{ end }}
{{- end }}

{{- /* A duration (`90`, `1m30s`, `500ms`) in whole seconds, rounded up. */ -}}
{{- define "flow-proxy.seconds" -}}
{{- $text := toString . }}
{{- if regexMatch "^[0-9]+$" $text }}{{ $text }}
{{- else }}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9]+(h|ms|m|s)" $text -1 }}
{{- $number := regexFind "^[0-9]+" . | int }}
{{- if hasSuffix "ms" . }}{{ $sum = add $sum (div (add $number 999) 1000) }}
{{- else if hasSuffix "h" . }}{{ $sum = add $sum (mul $number 3600) }}
{{- else if hasSuffix "m" . }}{{ $sum = add $sum (mul $number 60) }}
{{- else }}{{ $sum = add $sum $number }}{{ end }}
{{- end }}
{{- $sum }}
{{- end }}
{{- end }}

