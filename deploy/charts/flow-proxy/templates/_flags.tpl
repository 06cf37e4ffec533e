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
{{- else if kindIs "float64" .value }}
- {{ if eq .value (floor .value) }}{{ printf "%s=%d" $at (int64 .value) | quote }}{{ else }}{{ printf "%s=%v" $at .value | quote }}{{ end }}
{{- else if not (or (kindIs "invalid" .value) (eq (toString .value) "")) }}
- {{ printf "%s=%v" $at .value | quote }}
{{- end }}
{{- end }}

{{- /* Flags of one entry point. */ -}}
{{- define "flow-proxy.entryPoint" -}}
{{- $at := printf "--entryPoints.%s" .name }}
{{- $port := .port }}
{{- $http := deepCopy ($port.http | default dict) }}
- {{ printf "%s.address=:%v/%s" $at $port.port (lower ($port.protocol | default "TCP")) | quote }}
{{- range list "allowACMEByPass" "asDefault" "reusePort" "forwardedHeaders" "proxyProtocol" "http2" "udp" "observability" }}
{{- if hasKey $port . }}{{ include "flow-proxy.flags" (dict "at" (printf "%s.%s" $at .) "value" (index $port .)) }}{{ end }}
{{- end }}
{{- $transport := deepCopy ($port.transport | default dict) }}
{{- if and (not (has .name (list "traefik" "metrics"))) (ne (upper ($port.protocol | default "TCP")) "UDP") }}
{{- $life := dict "requestAcceptGraceTimeout" (printf "%vs" .drain.acceptSeconds) "graceTimeOut" .drain.graceTimeOut }}
{{- $_ := set $transport "lifeCycle" (merge (deepCopy ($transport.lifeCycle | default dict)) $life) }}
{{- end }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.transport" $at) "value" $transport) }}
{{- with $port.middlewares }}{{ $_ := set $http "middlewares" . }}{{ end }}
{{- $tls := merge (deepCopy ($http.tls | default dict)) ($port.tls | default dict) }}
{{- $redirections := merge (deepCopy ($http.redirections | default dict)) ($port.redirections | default dict) }}
{{- with $port.redirectTo }}
{{- $old := ternary . (dict "port" .) (kindIs "map" .) }}
{{- $new := dict "to" $old.port }}
{{- with $old.priority }}{{ $_ := set $new "priority" . }}{{ end }}
{{- $redirections = merge $redirections (dict "entryPoint" $new) }}
{{- end }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.http" $at) "value" (omit $http "tls" "redirections")) }}
{{- with $redirections.entryPoint }}
{{- $redirect := deepCopy . }}
{{- /* Clients know the Service's port, not the container's. */ -}}
{{- with index $.ports .to }}{{ $_ := set $redirect "to" (printf ":%v" (.exposedPort | default .port)) }}{{ end }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.http.redirections.entryPoint" $at) "value" $redirect) }}
{{- end }}
{{- if $tls.enabled }}
- {{ printf "%s.http.tls=true" $at | quote }}
{{- include "flow-proxy.flags" (dict "at" (printf "%s.http.tls" $at) "value" (omit $tls "enabled")) }}
{{- end }}
{{- end }}

{{- /* Every argument of the container. */ -}}
{{- define "flow-proxy.arguments" -}}
{{- $values := .Values }}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- range $values.globalArguments }}
- {{ . | quote }}
{{- end }}
{{- range $name, $port := $ports }}
{{- include "flow-proxy.entryPoint" (dict "name" $name "port" $port "ports" $ports "drain" $values.drain) }}
{{- end }}
{{- if $values.api.insecure }}
- "--api.insecure=true"
{{- end }}
{{- include "flow-proxy.flags" (dict "at" "--api" "value" (omit $values.api "insecure")) }}
- "--ping=true"
{{- $prometheus := $values.metrics.prometheus | default dict }}
{{- if $prometheus.enabled }}
- "--metrics.prometheus=true"
{{- include "flow-proxy.flags" (dict "at" "--metrics.prometheus" "value" (pick $prometheus "entryPoint" "addEntryPointsLabels" "addRoutersLabels" "addServicesLabels" "buckets" "headerLabels" "manualRouting")) }}
{{- include "flow-proxy.flags" (dict "at" "--metrics" "value" (pick $values.metrics "addInternals")) }}
{{- end }}
{{- $crd := $values.providers.kubernetesCRD }}
{{- if $crd.enabled }}
- "--providers.kubernetesCRD=true"
{{- include "flow-proxy.flags" (dict "at" "--providers.kubernetesCRD" "value" (omit $crd "enabled")) }}
{{- end }}
{{- $ingress := $values.providers.kubernetesIngress }}
{{- if $ingress.enabled }}
- "--providers.kubernetesIngress=true"
{{- include "flow-proxy.flags" (dict "at" "--providers.kubernetesIngress" "value" (omit $ingress "enabled" "publishedService")) }}
{{- if and $ingress.publishedService.enabled (not $ingress.ingressEndpoint.ip) (not $ingress.ingressEndpoint.hostname) }}
{{- $own := printf "%s/%s" (include "flow-proxy.namespace" .) (include "flow-proxy.fullname" .) }}
{{- if or $ingress.publishedService.pathOverride $values.service.enabled }}
- {{ printf "--providers.kubernetesIngress.ingressEndpoint.publishedService=%s" (default $own $ingress.publishedService.pathOverride) | quote }}
{{- end }}
{{- end }}
{{- end }}
- {{ printf "--acme.mode=%s" (ternary $values.acme.mode "off" $values.acme.enabled) | quote }}
{{- include "flow-proxy.flags" (dict "at" "--certificatesResolvers" "value" $values.certificatesResolvers) }}
{{- include "flow-proxy.flags" (dict "at" "--core" "value" $values.core) }}
{{- include "flow-proxy.flags" (dict "at" "--log" "value" (pick $values.logs.general "level" "format" "filePath" "noColor")) }}
{{- $access := $values.logs.access }}
{{- if $access.enabled }}
- "--accessLog=true"
{{- include "flow-proxy.flags" (dict "at" "--accessLog" "value" (pick $access "format" "filePath" "bufferingSize" "addInternals")) }}
{{- with $access.filters }}
{{- include "flow-proxy.flags" (dict "at" "--accessLog.filters" "value" (dict "statusCodes" .statuscodes "retryAttempts" .retryattempts "minDuration" .minduration)) }}
{{- end }}
{{- $general := $access.fields.general }}
{{- include "flow-proxy.flags" (dict "at" "--accessLog.fields" "value" (dict "defaultMode" $general.defaultmode "names" $general.names)) }}
{{- $headers := $access.fields.headers }}
{{- include "flow-proxy.flags" (dict "at" "--accessLog.fields.headers" "value" (dict "defaultMode" $headers.defaultmode "names" $headers.names)) }}
{{- end }}
{{- range $values.additionalArguments }}
- {{ . | quote }}
{{- end }}
{{- end }}
