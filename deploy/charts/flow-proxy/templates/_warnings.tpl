{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "flow-proxy.warnings" -}}
{{- include "flow-proxy.prepare" . }}
{{- include "flow-proxy.unknownValues" (dict "at" "" "values" .Values "known" (include "flow-proxy.known" . | fromYaml) "defaults" (.Files.Get "files/defaults.yaml" | fromYaml)) }}
{{- include "flow-proxy.switchedOff" . }}
{{- include "flow-proxy.imageWarnings" . }}
{{- include "flow-proxy.portWarnings" . }}
{{- include "flow-proxy.drainWarnings" . }}
{{- include "flow-proxy.apiWarnings" . }}
{{- include "flow-proxy.certificateWarnings" . }}
{{- if eq (toString .Values.enabled) "false" }}
- enabled=false has no effect here: it is for the condition of a chart that has this one as a dependency
{{- end }}
{{- if and (eq (include "flow-proxy.kind" .) "Deployment") (not .Values.autoscaling.enabled) (lt (int .Values.deployment.replicas) 2) }}
- deployment.replicas is {{ int .Values.deployment.replicas }}: a node that fails takes the ingress with it
{{- end }}
{{- if and .Values.persistence.enabled (include "flow-proxy.several" .) (eq (.Values.persistence.accessMode | default "ReadWriteOnce") "ReadWriteOnce") }}
- persistence with ReadWriteOnce and several replicas: pods on other nodes will not start
{{- end }}
{{- $class := .Values.ingressClass }}
{{- if and $class.enabled (not $class.name) }}
- ingressClass.name is empty: the class is called traefik; Traefik's chart would give it the full name of its release
{{- end }}
{{- if and $class.enabled $class.isDefaultClass }}
{{- range (lookup "networking.k8s.io/v1" "IngressClass" "" "").items }}
{{- if and (ne .metadata.name ($class.name | default "traefik")) (eq (get (.metadata.annotations | default dict) "ingressclass.kubernetes.io/is-default-class") "true") }}
- IngressClass {{ .metadata.name }} is a default class too: new Ingresses without a class will be refused; set ingressClass.isDefaultClass=false
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "flow-proxy.portWarnings" -}}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- if hasKey $ports "traefik" | not }}
- ports.traefik is off: probes, API and dashboard have nowhere to be
{{- end }}
{{- if and .Values.service.enabled (not (include "flow-proxy.hasService" .)) }}
- no port has expose.default=true: there is no Service
{{- end }}
{{- $services := include "flow-proxy.additionalServices" . | fromJson }}
{{- $metrics := include "flow-proxy.metricsPort" . | fromJson }}
{{- range $name, $port := $ports }}
{{- $named := ternary (dict "internal" "exposeInternal") dict (eq (toString $port.exposeInternal) "true") }}
{{- if kindIs "map" $port.expose }}{{ range $service, $on := $port.expose }}{{ if $on }}{{ $_ := set $named $service (printf "expose.%s" $service) }}{{ end }}{{ end }}{{ end }}
{{- range $service, $by := omit $named "default" }}
{{- if not (hasKey $services $service) }}
- ports.{{ $name }}.{{ $by }} has no effect: service.additionalServices has no {{ $service }}
{{- end }}
{{- end }}
{{- $redirect := ((include "flow-proxy.http" $port | fromJson).redirections | default dict).entryPoint | default dict }}
{{- if and (not $redirect.to) (or $redirect.scheme $port.redirectTo) }}
- ports.{{ $name }}.{{ ternary "redirectTo" "http.redirections.entryPoint" (not (empty $port.redirectTo)) }} names no entry point (`{{ ternary "port" "to" (not (empty $port.redirectTo)) }}`): NOTHING IS REDIRECTED
{{- end }}
{{- $usual := get (dict "traefik" 8080 "metrics" 9100) $name | default $port.exposedPort }}
{{- if and (ne (toString $port.exposedPort) (toString $usual)) (not (include "flow-proxy.exposedByAny" (dict "port" $port "context" $))) (ne $name (toString $metrics.name)) }}
- ports.{{ $name }}.exposedPort has no effect: no Service has this port
{{- end }}
{{- if and $.Values.hostNetwork (lt (int $port.port) 1024) }}
- ports.{{ $name }}.port {{ $port.port }} cannot be opened without root in the host's network: choose one from 1024 on, or hostPort without hostNetwork
{{- end }}
{{- if eq (upper ($port.protocol | default "TCP")) "UDP" }}
- ports.{{ $name }}.protocol: UDP is not served yet, nothing listens there
{{- end }}
{{- end }}
{{- if eq (toString .Values.service.single) "false" }}
- service.single=false has no effect: there are no UDP ports to have a Service of their own
{{- end }}
{{- range list "selector" "ports" }}
{{- if hasKey ($.Values.service.spec | default dict) . }}
- service.spec.{{ . }} has no effect: it is the chart's own
{{- end }}
{{- end }}
{{- $type := (.Values.service.spec | default dict).type }}
{{- if and $type (not (has .Values.service.type (list nil "" "LoadBalancer" $type))) }}
- service.spec.type {{ $type }} wins over service.type {{ .Values.service.type }}
{{- end }}
{{- end }}

{{- define "flow-proxy.drainWarnings" -}}
{{- $drain := .Values.drain }}
{{- $pause := 0 | add 5 (int $drain.preStopSeconds) }}
{{- $needed := $pause | add (int (include "flow-proxy.seconds" $drain.acceptSeconds)) (int (include "flow-proxy.seconds" $drain.graceTimeOut)) }}
{{- range $name, $port := include "flow-proxy.ports" . | fromJson }}
{{- $life := include "flow-proxy.overlay" (dict "base" (dict "requestAcceptGraceTimeout" $drain.acceptSeconds "graceTimeOut" $drain.graceTimeOut) "over" ($port.transport | default dict).lifeCycle) | fromJson }}
{{- $own := $pause | add (int (include "flow-proxy.seconds" $life.requestAcceptGraceTimeout)) (int (include "flow-proxy.seconds" $life.graceTimeOut)) }}
{{- if gt $own $needed }}{{ $needed = $own }}{{ end }}
{{- end }}
{{- $given := .Values.deployment.terminationGracePeriodSeconds }}
{{- $given = ternary 30 $given (kindIs "invalid" $given) }}
{{- if lt (int $given) (int $needed) }}
- deployment.terminationGracePeriodSeconds is {{ $given }}, but draining may take {{ $needed }} s: pods will be killed with requests in flight
{{- end }}
{{- end }}

{{- define "flow-proxy.apiWarnings" -}}
{{- $routes := include "flow-proxy.ingressRoutes" . | fromJsonArray }}
{{- if and $routes (not .Values.providers.kubernetesCRD.enabled) }}
- ingressRoute: without providers.kubernetesCRD.enabled nobody serves the IngressRoutes that this chart makes ({{ join ", " $routes }})
{{- end }}
{{- if and (has "dashboard" $routes) (not .Values.ingressRoute.dashboard.middlewares) (ne (join "," .Values.ingressRoute.dashboard.entryPoints) "traefik") }}
- ingressRoute.dashboard has no middlewares: whoever reaches {{ join ", " .Values.ingressRoute.dashboard.entryPoints }} sees the API and the dashboard, which ask for no password
{{- end }}
{{- if include "flow-proxy.servesApi" . }}
{{- if not .Values.networkPolicy.enabled }}
- api.insecure without networkPolicy: every pod of the cluster can read the API and the dashboard
{{- end }}
{{- $traefik := (include "flow-proxy.ports" . | fromJson).traefik }}
{{- if and $traefik (or $traefik.hostPort (include "flow-proxy.exposedByAny" (dict "port" $traefik "context" .))) }}
- ports.traefik is open to everybody who reaches it, with the API and the dashboard, which ask for no password: set api.insecure=false, or do not expose it
{{- end }}
{{- end }}
{{- end }}
