{{- /* JSON list of the namespaces that a provider watches; empty is all. With rbac.namespaced and none named it is the release's own, as
       in Traefik's chart: provider, context. */ -}}
{{- define "flow-proxy.namespaces" -}}
{{- $values := .context.Values }}
{{- if .provider.namespaces }}{{ .provider.namespaces | uniq | sortAlpha | toJson }}
{{- else if and $values.rbac.enabled $values.rbac.namespaced }}{{ list (include "flow-proxy.namespace" .context) | toJson }}
{{- else }}[]{{ end }}
{{- end }}

{{- /* JSON list of the namespaces that are watched by any provider; empty is all. */ -}}
{{- define "flow-proxy.watched" -}}
{{- $all := list }}
{{- $every := false }}
{{- range list .Values.providers.kubernetesCRD .Values.providers.kubernetesIngress }}
{{- if .enabled }}
{{- with include "flow-proxy.namespaces" (dict "provider" . "context" $) | fromJsonArray }}{{ $all = concat $all . }}{{ else }}{{ $every = true }}{{ end }}
{{- end }}
{{- end }}
{{- ternary list (uniq $all | sortAlpha) $every | toJson }}
{{- end }}

{{- /* The name of the ConfigMap with the dynamic configuration, and of its volume. */ -}}
{{- define "flow-proxy.fileName" -}}
{{- printf "%s-file" (include "flow-proxy.fullname" . | trunc 58 | trimSuffix "-") }}
{{- end }}

{{- /* The dynamic configuration as text. What is a template in it is for the proxy, not for Helm. */ -}}
{{- define "flow-proxy.fileContent" -}}
{{- $content := .Values.providers.file.content }}
{{- if kindIs "map" $content }}{{ toYaml $content }}{{ else }}{{ $content | default "" }}{{ end }}
{{- end }}

{{- define "flow-proxy.providerFlags" -}}
{{- $rules := (include "flow-proxy.known" . | fromYaml).providers }}
{{- range $name := list "kubernetesCRD" "kubernetesIngress" }}
{{- $provider := include "flow-proxy.served" (dict "values" (get $.Values.providers $name) "rules" (get $rules $name)) | fromJson }}
{{- if $provider.enabled }}
{{- /* Without permission for Nodes neither provider may read them. */ -}}
{{- if and $.Values.providers.kubernetesIngress.disableClusterScopeResources (not (hasKey $provider "disableClusterScopeResources")) }}
{{- $_ := set $provider "disableClusterScopeResources" true }}
{{- end }}
{{- $_ := set $provider "namespaces" (include "flow-proxy.namespaces" (dict "provider" $provider "context" $) | fromJsonArray) }}
- {{ printf "--providers.%s=true" $name | quote }}
{{- include "flow-proxy.flags" (dict "at" (printf "--providers.%s" $name) "value" (omit $provider "enabled" "publishedService")) }}
{{- end }}
{{- end }}
{{- with .Values.providers.precedence }}
- {{ printf "--providers.precedence=%s" (join "," .) | quote }}
{{- end }}
{{- if .Values.providers.file.enabled }}
- "--providers.file.directory=/etc/traefik/dynamic"
- {{ printf "--providers.file.watch=%s" (ternary "false" "true" (eq (toString .Values.providers.file.watch) "false")) | quote }}
{{- end }}
{{- $ingress := .Values.providers.kubernetesIngress }}
{{- if and $ingress.enabled $ingress.publishedService.enabled (not $ingress.ingressEndpoint.ip) (not $ingress.ingressEndpoint.hostname) }}
{{- $own := printf "%s/%s" (include "flow-proxy.namespace" .) (include "flow-proxy.serviceName" .) }}
{{- if or $ingress.publishedService.pathOverride (include "flow-proxy.hasService" .) }}
- {{ printf "--providers.kubernetesIngress.ingressEndpoint.publishedService=%s" (default $own $ingress.publishedService.pathOverride) | quote }}
{{- end }}
{{- end }}
{{- end }}
