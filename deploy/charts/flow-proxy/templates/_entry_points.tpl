{{- /* Flags of one entry point: name, port, ports, drain, hostNetwork. */ -}}
{{- define "flow-proxy.entryPoint" -}}
{{- $at := printf "--entryPoints.%s" .name }}
{{- $port := .port }}
{{- $host := ternary ($port.hostIP | default "") "" (eq (toString .hostNetwork) "true") }}
- {{ printf "%s.address=%s:%v/%s" $at (ternary (printf "[%s]" $host) $host (contains ":" $host)) $port.port (lower ($port.protocol | default "TCP")) | quote }}
{{- range list "allowACMEByPass" "asDefault" "forwardedHeaders" "http2" "observability" }}
{{- if hasKey $port . }}{{ include "flow-proxy.flags" (dict "at" (printf "%s.%s" $at .) "value" (index $port .)) }}{{ end }}
{{- end }}
{{- /* Naming one of its options switches the PROXY protocol on. */ -}}
{{- $proxy := $port.proxyProtocol | default dict }}
{{- if or $proxy.insecure $proxy.trustedIPs }}{{ include "flow-proxy.flags" (dict "at" (printf "%s.proxyProtocol" $at) "value" $proxy) }}{{ end }}
{{- $transport := $port.transport | default dict }}
{{- if and (not (has .name (list "traefik" "metrics"))) (ne (upper ($port.protocol | default "TCP")) "UDP") }}
{{- $drain := dict "graceTimeOut" .drain.graceTimeOut }}
{{- if include "flow-proxy.something" .drain.acceptSeconds }}{{ $_ := set $drain "requestAcceptGraceTimeout" (printf "%vs" .drain.acceptSeconds) }}{{ end }}
{{- $transport = include "flow-proxy.overlay" (dict "base" (dict "lifeCycle" $drain) "over" $transport) | fromJson }}
{{- end }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.transport" $at) "value" $transport) }}
{{- $http := include "flow-proxy.http" $port | fromJson }}
{{- /* As in Traefik, and said, since the proxy warns where nothing is. */ -}}
{{- if not (or $http.aliasHeadersStrategy $http.underscoreHeadersStrategy (eq (upper ($port.protocol | default "TCP")) "UDP")) }}{{ $_ := set $http "aliasHeadersStrategy" "keep" }}{{ end }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.http" $at) "value" (omit $http "tls" "redirections")) }}
{{- $redirect := ($http.redirections | default dict).entryPoint }}
{{- if ($redirect | default dict).to }}
{{- /* Clients know the Service's port, not the container's. */ -}}
{{- with index $.ports $redirect.to }}{{ $_ := set $redirect "to" (printf ":%v" (.exposedPort | default .port)) }}{{ end }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.http.redirections.entryPoint" $at) "value" $redirect) }}
{{- end }}
{{- with $http.tls }}
{{- if .enabled }}
- {{ printf "%s.http.tls=true" $at | quote }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.http.tls" $at) "value" (omit . "enabled")) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* JSON of a port's `http`, with what charts before 39 and 34 have beside it. */ -}}
{{- define "flow-proxy.http" -}}
{{- $base := pick . "middlewares" "tls" "redirections" }}
{{- with .redirectTo }}
{{- $old := ternary . (dict "port" .) (kindIs "map" .) }}
{{- $redirect := dict "to" $old.port "priority" $old.priority "permanent" $old.permanent "scheme" $old.scheme }}
{{- $base = include "flow-proxy.overlay" (dict "base" (dict "redirections" (dict "entryPoint" $redirect)) "over" $base) | fromJson }}
{{- end }}
{{- include "flow-proxy.overlay" (dict "base" $base "over" .http) }}
{{- end }}
