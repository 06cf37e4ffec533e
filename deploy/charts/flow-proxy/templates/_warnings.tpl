{{- /* Values whose name is unknown or unserved, one a line: at, values, known. */ -}}
{{- define "flow-proxy.unknownValues" -}}
{{- $known := .known }}
{{- $at := .at }}
{{- range $name, $value := .values }}
{{- $path := ternary $name (printf "%s.%s" $at $name) (empty $at) }}
{{- $rule := ternary (get $known $name) (get $known "*") (hasKey $known $name) }}
{{- if not $rule }}
- {{ $path }} is not known and has no effect
{{- else if kindIs "map" $rule }}
{{- if kindIs "map" $value }}
{{- include "flow-proxy.unknownValues" (dict "at" $path "values" $value "known" $rule) }}
{{- end }}
{{- else if and (eq $rule "unserved") (include "flow-proxy.says" $value) }}
- {{ $path }} is known from Traefik's chart and not served here: it has no effect
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether a value asks for anything: not if it or all that is in it is empty, or it is a group with enabled=false. */ -}}
{{- define "flow-proxy.says" -}}
{{- if kindIs "map" . }}
{{- if not (and (hasKey . "enabled") (not .enabled)) }}
{{- range . }}{{ include "flow-proxy.says" . }}{{ end }}
{{- end }}
{{- else if . }}x{{ end }}
{{- end }}

{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "flow-proxy.warnings" -}}
{{- include "flow-proxy.unknownValues" (dict "at" "" "values" .Values "known" (.Files.Get "files/known-values.yaml" | fromYaml)) }}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- if hasKey $ports "traefik" | not }}
- ports.traefik is off: probes, API and dashboard have nowhere to be
{{- end }}
{{- $needed := 5 | add (int .Values.drain.preStopSeconds) (int (include "flow-proxy.seconds" .Values.drain.acceptSeconds)) (int (include "flow-proxy.seconds" .Values.drain.graceTimeOut)) }}
{{- range $name, $port := $ports }}
{{- $life := ($port.transport | default dict).lifeCycle | default dict }}
{{- $own := 5 | add (int $.Values.drain.preStopSeconds) (int (include "flow-proxy.seconds" ($life.requestAcceptGraceTimeout | default $.Values.drain.acceptSeconds))) (int (include "flow-proxy.seconds" ($life.graceTimeOut | default $.Values.drain.graceTimeOut))) }}
{{- if gt $own $needed }}{{ $needed = $own }}{{ end }}
{{- if and $.Values.hostNetwork (lt (int $port.port) 1024) }}
- ports.{{ $name }}.port {{ $port.port }} cannot be opened without root in the host's network: choose one from 1024 on, or hostPort without hostNetwork
{{- end }}
{{- end }}
{{- if lt (int .Values.deployment.terminationGracePeriodSeconds) (int $needed) }}
- deployment.terminationGracePeriodSeconds is {{ .Values.deployment.terminationGracePeriodSeconds }}, but draining may take {{ $needed }} s: pods will be killed with requests in flight
{{- end }}
{{- if and .Values.api.insecure (not .Values.networkPolicy.enabled) }}
- api.insecure without networkPolicy: every pod of the cluster can read the API and the dashboard
{{- end }}
{{- if and (eq .Values.deployment.kind "Deployment") (not .Values.autoscaling.enabled) (lt (int .Values.deployment.replicas) 2) }}
- deployment.replicas is {{ .Values.deployment.replicas }}: a node that fails takes the ingress with it
{{- end }}
{{- $entryPoints := ((.Values.ingressRoute | default dict).dashboard | default dict).entryPoints }}
{{- if and $entryPoints (ne (join "," $entryPoints) "traefik") }}
- ingressRoute.dashboard.entryPoints: IngressRoutes are not served yet; the dashboard is on the entry point traefik only
{{- end }}
{{- if and .Values.persistence.enabled (include "flow-proxy.several" .) (eq .Values.persistence.accessMode "ReadWriteOnce") }}
- persistence with ReadWriteOnce and several replicas: pods on other nodes will not start
{{- end }}
{{- if and .Values.certificatesResolvers (not .Values.acme.enabled) }}
- certificatesResolvers have no effect with acme.enabled=false
{{- end }}
{{- $class := .Values.ingressClass }}
{{- if and $class.enabled $class.isDefaultClass }}
{{- range (lookup "networking.k8s.io/v1" "IngressClass" "" "").items }}
{{- if and (ne .metadata.name $class.name) (eq (get (.metadata.annotations | default dict) "ingressclass.kubernetes.io/is-default-class") "true") }}
- IngressClass {{ .metadata.name }} is a default class too: new Ingresses without a class will be refused; set ingressClass.isDefaultClass=false
{{- end }}
{{- end }}
{{- end }}
{{- end }}
