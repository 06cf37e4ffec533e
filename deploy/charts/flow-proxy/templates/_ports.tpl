{{- /* JSON of the entry points that are not switched off by null. */ -}}
{{- define "flow-proxy.ports" -}}
{{- $ports := dict }}
{{- range $name, $port := .Values.ports }}
{{- if $port }}
{{- $served := deepCopy $port }}
{{- /* web and websecure are the Service's where nothing is said. Values with a default would be in the way of those of the other kind. */ -}}
{{- $exposed := has $name (list "web" "websecure") }}
{{- if kindIs "map" $served.expose }}
{{- if not (hasKey $served.expose "default") }}{{ $_ := set $served.expose "default" $exposed }}{{ end }}
{{- else if kindIs "invalid" $served.expose }}{{ $_ := set $served "expose" $exposed }}
{{- end }}
{{- $_ := set $ports $name $served }}
{{- end }}
{{- end }}
{{- toJson $ports }}
{{- end }}

{{- /* The name of a port in a pod and in Services, which may have 15 characters. */ -}}
{{- define "flow-proxy.portName" -}}
{{- lower . | trunc 15 | trimSuffix "-" }}
{{- end }}

{{- /* Whether a port is a Service's: port, service (default, or a name of service.additionalServices).
       `expose` is a boolean in old values, with exposeInternal beside it, and a map of Services in newer ones. */ -}}
{{- define "flow-proxy.exposed" -}}
{{- $expose := .port.expose }}
{{- if kindIs "map" $expose }}{{ if get $expose .service }}true{{ end }}
{{- else if and $expose (eq .service "default") }}true
{{- else if and .port.exposeInternal (eq .service "internal") }}true
{{- end }}
{{- end }}

{{- /* JSON of those ports that a Service has: ports, service. */ -}}
{{- define "flow-proxy.exposedPorts" -}}
{{- $exposed := dict }}
{{- range $name, $port := .ports }}
{{- if include "flow-proxy.exposed" (dict "port" $port "service" $.service) }}{{ $_ := set $exposed $name $port }}{{ end }}
{{- end }}
{{- toJson $exposed }}
{{- end }}

{{- /* Whether any Service has a port: port, context. */ -}}
{{- define "flow-proxy.exposedByAny" -}}
{{- $services := include "flow-proxy.additionalServices" .context | fromJson | keys }}
{{- range prepend $services "default" }}{{ include "flow-proxy.exposed" (dict "port" $.port "service" .) }}{{ end }}
{{- end }}

{{- /* JSON of the entry point of the metrics; empty where there is none. */ -}}
{{- define "flow-proxy.metricsPort" -}}
{{- $prometheus := .Values.metrics.prometheus }}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- $name := $prometheus.entryPoint | default "traefik" }}
{{- if and $prometheus.enabled (hasKey $ports $name) }}
{{- dict "name" $name "port" (index $ports $name).port "exposedPort" ((index $ports $name).exposedPort | default (index $ports $name).port) | toJson }}
{{- else }}{}{{ end }}
{{- end }}

{{- /* JSON list of the names below ingressRoute that become an IngressRoute. That of the dashboard is one where it says more than that
       it is on the entry point traefik, or where nothing else serves the dashboard there. */ -}}
{{- define "flow-proxy.ingressRoutes" -}}
{{- $made := list }}
{{- $route := .Values.ingressRoute.dashboard }}
{{- if eq (toString $route.enabled) "true" }}
{{- $usual := list (list "traefik") "PathPrefix(`/dashboard`) || PathPrefix(`/api`)" (list (dict "name" "api@internal" "kind" "TraefikService")) }}
{{- $says := or $route.annotations $route.labels $route.middlewares $route.tls }}
{{- $says = or $says (ne (list $route.entryPoints $route.matchRule $route.services | toJson) ($usual | toJson)) }}
{{- if or $says (not .Values.api.insecure) }}{{ $made = append $made "dashboard" }}{{ end }}
{{- end }}
{{- if eq (toString .Values.ingressRoute.healthcheck.enabled) "true" }}{{ $made = append $made "healthcheck" }}{{ end }}
{{- $made | toJson }}
{{- end }}

{{- /* Whether API and dashboard are served on the entry point traefik without protection. An IngressRoute of the dashboard stands in for it:
       beside one that asks for a password, none must be open. */ -}}
{{- define "flow-proxy.servesApi" -}}
{{- $routes := include "flow-proxy.ingressRoutes" . | fromJsonArray }}
{{- if and .Values.api.insecure (ne (toString .Values.ingressRoute.dashboard.enabled) "false") (not (has "dashboard" $routes)) }}true{{ end }}
{{- end }}
