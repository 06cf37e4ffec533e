{{- /* Services of the entry points: the chart's own, and those of service.additionalServices. */ -}}

{{- define "flow-proxy.serviceName" -}}
{{- (.Values.service | default dict).nameOverride | default (include "flow-proxy.fullname" .) }}
{{- end }}

{{- /* Whether there is the chart's own Service: one without ports would be refused. */ -}}
{{- define "flow-proxy.hasService" -}}
{{- if and .Values.service.enabled (include "flow-proxy.exposedPorts" (dict "ports" (include "flow-proxy.ports" . | fromJson) "service" "default") | fromJson) }}true{{ end }}
{{- end }}

{{- /* JSON of the further Services by name; service.internal was one in charts before 28. */ -}}
{{- define "flow-proxy.additionalServices" -}}
{{- $services := deepCopy (.Values.service.additionalServices | default dict) }}
{{- if and .Values.service.internal (not (hasKey $services "internal")) }}{{ $_ := set $services "internal" .Values.service.internal }}{{ end }}
{{- ternary $services dict (eq (toString .Values.service.enabled) "true") | toJson }}
{{- end }}

{{- /* The type of a Service: that of its spec, where Traefik's chart has it since 40, else its own. */ -}}
{{- define "flow-proxy.serviceType" -}}
{{- (.spec | default dict).type | default .type | default "LoadBalancer" }}
{{- end }}

{{- /* A Service of entry points: context, name, values, ports. */ -}}
{{- define "flow-proxy.service" -}}
{{- $values := .values }}
{{- $spec := omit (deepCopy ($values.spec | default dict)) "selector" "ports" }}
{{- range list "loadBalancerSourceRanges" "externalIPs" "ipFamilyPolicy" "ipFamilies" }}
{{- if get $values . }}{{ $_ := set $spec . (get $values .) }}{{ end }}
{{- end }}
{{- $_ := set $spec "type" (include "flow-proxy.serviceType" $values) }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ include "flow-proxy.namespace" .context }}
  labels:
    {{- include "flow-proxy.labels" .context | nindent 4 }}
    {{- with $values.labels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with merge (dict) ($values.annotations | default dict) ($values.annotationsTCP | default dict) }}
  annotations: {{- include "flow-proxy.annotations" (dict "value" . "context" $.context) | nindent 4 }}
  {{- end }}
spec:
  {{- toYaml $spec | nindent 2 }}
  selector: {{- include "flow-proxy.selector" .context | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - name: {{ include "flow-proxy.portName" $name }}
      port: {{ $port.exposedPort | default $port.port }}
      targetPort: {{ $port.targetPort | default (include "flow-proxy.portName" $name) }}
      protocol: {{ $port.protocol | default "TCP" }}
      {{- with $port.nodePort }}
      nodePort: {{ . }}
      {{- end }}
      {{- with $port.appProtocol }}
      appProtocol: {{ . }}
      {{- end }}
    {{- end }}
{{- end }}
