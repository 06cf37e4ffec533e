{{- define "flow-proxy.podTemplate" -}}
{{- $values := .Values }}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- $traefik := index $ports "traefik" | default dict }}
{{- $health := $values.deployment.healthchecksPort | default $traefik.port | default 8080 }}
{{- $data := $values.persistence.name | default "data" }}
{{- $folder := $values.persistence.path | default "/data" }}
{{- $privileged := false }}
{{- range $ports }}{{ if lt (int .port) 1024 }}{{ $privileged = true }}{{ end }}{{ end }}
metadata:
  labels:
    {{- include "flow-proxy.labels" . | nindent 4 }}
    {{- with $values.deployment.podLabels }}{{ include "flow-proxy.yaml" (dict "value" . "context" $) | nindent 4 }}{{ end }}
  {{- $file := $values.providers.file }}
  {{- $unwatched := and $file.enabled (eq (toString $file.watch) "false") }}
  {{- if or $values.deployment.podAnnotations $unwatched }}
  annotations:
    {{- with $values.deployment.podAnnotations }}{{ include "flow-proxy.annotations" (dict "value" . "context" $) | nindent 4 }}{{ end }}
    {{- if $unwatched }}
    checksum/dynamic-configuration: {{ include "flow-proxy.fileContent" . | sha256sum }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "flow-proxy.serviceAccount" . }}
  automountServiceAccountToken: true
  {{- if include "flow-proxy.something" $values.deployment.terminationGracePeriodSeconds }}
  terminationGracePeriodSeconds: {{ $values.deployment.terminationGracePeriodSeconds }}
  {{- end }}
  {{- with $values.deployment.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.deployment.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- if $values.deployment.shareProcessNamespace }}
  shareProcessNamespace: true
  {{- end }}
  {{- if $values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if kindIs "bool" $values.deployment.hostUsers }}
  hostUsers: {{ $values.deployment.hostUsers }}
  {{- end }}
  {{- with $values.deployment.dnsPolicy | default (ternary "ClusterFirstWithHostNet" "" (not (empty $values.hostNetwork))) }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with $values.deployment.dnsConfig }}
  dnsConfig: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.deployment.hostAliases }}
  hostAliases: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $security := deepCopy ($values.podSecurityContext | default dict) }}
  {{- /* The host's own network knows no sysctls of a pod. */ -}}
  {{- if and $privileged (not $values.hostNetwork) }}
  {{- $sysctls := append ($security.sysctls | default list) (dict "name" "net.ipv4.ip_unprivileged_port_start" "value" "0") }}
  {{- $_ := set $security "sysctls" $sysctls }}
  {{- end }}
  securityContext: {{- toYaml $security | nindent 4 }}
  {{- with $values.deployment.initContainers }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: flow-proxy
      image: {{ include "flow-proxy.image" . }}
      {{- with $values.image.pullPolicy }}
      imagePullPolicy: {{ . }}
      {{- end }}
      args:
        {{- include "flow-proxy.arguments" . | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- with $values.env }}{{ include "flow-proxy.env" . | nindent 8 }}{{ end }}
      {{- with $values.envFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- range $name, $port := $ports }}
        - name: {{ include "flow-proxy.portName" $name }}
          containerPort: {{ $port.containerPort | default $port.port }}
          protocol: {{ $port.protocol | default "TCP" }}
          {{- with $port.hostPort }}
          hostPort: {{ . }}
          {{- end }}
          {{- with $port.hostIP }}
          hostIP: {{ . }}
          {{- end }}
        {{- end }}
      {{- $alive := $values.deployment.livenessPath | default "/ping" }}
      {{- with $values.startupProbe }}
      startupProbe: {{- include "flow-proxy.probe" (dict "path" $alive "port" $health "deployment" $values.deployment "probe" .) | nindent 8 }}
      {{- end }}
      readinessProbe: {{- include "flow-proxy.probe" (dict "path" ($values.deployment.readinessPath | default "/ready") "port" $health "deployment" $values.deployment "probe" $values.readinessProbe) | nindent 8 }}
      livenessProbe: {{- include "flow-proxy.probe" (dict "path" $alive "port" $health "deployment" $values.deployment "probe" $values.livenessProbe) | nindent 8 }}
      {{- if $values.deployment.lifecycle }}
      lifecycle: {{- toYaml $values.deployment.lifecycle | nindent 8 }}
      {{- else if and (gt (int $values.drain.preStopSeconds) 0) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $values.drain.preStopSeconds }}
      {{- end }}
      {{- with $values.securityContext }}
      securityContext: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        - name: {{ $data }}
          mountPath: {{ $folder }}
          {{- with $values.persistence.subPath }}
          subPath: {{ . }}
          {{- end }}
        {{- if $values.providers.file.enabled }}
        - name: dynamic-configuration
          mountPath: /etc/traefik/dynamic
          readOnly: true
        {{- end }}
        {{- range $values.volumes }}
        - name: {{ include "flow-proxy.text" (dict "text" .name "context" $) | replace "." "-" }}
          mountPath: {{ .mountPath }}
          readOnly: true
        {{- end }}
        {{- with $values.additionalVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
    {{- with $values.deployment.additionalContainers }}{{ toYaml . | nindent 4 }}{{ end }}
  volumes:
    - name: tmp
      emptyDir: {{ $values.deployment.tmpVolume.emptyDir | default dict | toJson }}
    - name: {{ $data }}
      {{- if $values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ include "flow-proxy.text" (dict "text" (default (include "flow-proxy.fullname" .) $values.persistence.existingClaim) "context" .) }}
      {{- else }}
      emptyDir: {{ $values.persistence.emptyDir | default dict | toJson }}
      {{- end }}
    {{- if $values.providers.file.enabled }}
    - name: dynamic-configuration
      configMap:
        name: {{ include "flow-proxy.fileName" . }}
    {{- end }}
    {{- range $values.volumes }}
    {{- $object := include "flow-proxy.text" (dict "text" .name "context" $) }}
    - name: {{ $object | replace "." "-" }}
      {{- if eq .type "secret" }}
      secret:
        secretName: {{ $object }}
      {{- else if eq .type "configMap" }}
      configMap:
        name: {{ $object }}
      {{- else }}
      {{- fail (printf "volumes: %s has the type %q; known are secret and configMap" .name .type) }}
      {{- end }}
    {{- end }}
    {{- with $values.deployment.additionalVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- if $values.affinity }}
  affinity: {{- include "flow-proxy.yaml" (dict "value" $values.affinity "context" .) | nindent 4 }}
  {{- else if and (ne (toString $values.podAntiAffinity) "none") (eq (include "flow-proxy.kind" .) "Deployment") }}
  affinity:
    podAntiAffinity:
      {{- if eq (toString $values.podAntiAffinity) "hard" }}
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "flow-proxy.selector" . | nindent 14 }}
      {{- else }}
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- include "flow-proxy.selector" . | nindent 16 }}
      {{- end }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints: {{- include "flow-proxy.yaml" (dict "value" . "context" $) | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* A probe: path, port, deployment (values), probe (its other fields). */ -}}
{{- define "flow-proxy.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ .port }}
  scheme: {{ .deployment.healthchecksScheme | default "HTTP" }}
  {{- with .deployment.healthchecksHost }}
  host: {{ . }}
  {{- end }}
{{- with .probe }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Variables as people write them: a boolean or a number becomes text. */ -}}
{{- define "flow-proxy.env" -}}
{{- $variables := list }}
{{- range . }}
{{- $variable := deepCopy . }}
{{- if and (hasKey . "value") (not (kindIs "invalid" .value)) }}{{ $_ := set $variable "value" (include "flow-proxy.scalar" .value) }}{{ end }}
{{- $variables = append $variables $variable }}
{{- end }}
{{- toYaml $variables }}
{{- end }}
