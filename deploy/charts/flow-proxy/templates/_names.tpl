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
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flow-proxy.labels" -}}
{{ include "flow-proxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "flow-proxy.image" -}}
{{- $image := .Values.image }}
{{- $name := ternary (printf "%s/%s" $image.registry $image.repository) $image.repository (not (empty $image.registry)) }}
{{- if $image.digest }}{{ $name }}@{{ $image.digest }}{{ else }}{{ $name }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "flow-proxy.serviceAccount" -}}
{{- default (include "flow-proxy.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- /* JSON of the entry points that are not switched off by null. */ -}}
{{- define "flow-proxy.ports" -}}
{{- $ports := dict }}
{{- range $name, $port := .Values.ports }}
{{- if $port }}{{ $_ := set $ports $name $port }}{{ end }}
{{- end }}
{{- toJson $ports }}
{{- end }}

{{- /* Whether a port is the Service's: `expose` is a boolean in old values, a map of Services in newer ones. */ -}}
{{- define "flow-proxy.exposed" -}}
{{- if kindIs "map" .expose }}{{ if .expose.default }}true{{ end }}{{ else if .expose }}true{{ end }}
{{- end }}

{{- /* The most replicas that run at once, as far as is known. */ -}}
{{- define "flow-proxy.several" -}}
{{- if ne .Values.deployment.kind "Deployment" }}true
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

{{- /* JSON list of the namespaces that are watched; empty is all. */ -}}
{{- define "flow-proxy.watched" -}}
{{- $all := list }}
{{- $every := false }}
{{- range list .Values.providers.kubernetesCRD .Values.providers.kubernetesIngress }}
{{- if .enabled }}
{{- if .namespaces }}{{ $all = concat $all .namespaces }}{{ else }}{{ $every = true }}{{ end }}
{{- end }}
{{- end }}
{{- ternary list (uniq $all | sortAlpha) $every | toJson }}
{{- end }}
