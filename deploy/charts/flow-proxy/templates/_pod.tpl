{{- define "flow-proxy.podTemplate" -}}
{{- $values := .Values }}
{{- $ports := include "flow-proxy.ports" . | fromJson }}
{{- $traefik := index $ports "traefik" | default dict }}
{{- $health := $values.deployment.healthchecksPort | default $traefik.port }}
{{- $privileged := false }}
{{- range $ports }}{{ if lt (int .port) 1024 }}{{ $privileged = true }}{{ end }}{{ end }}
metadata:
  labels:
    {{- include "flow-proxy.labels" . | nindent 4 }}
    {{- with $values.deployment.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $values.deployment.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "flow-proxy.serviceAccount" . }}
  automountServiceAccountToken: true
  terminationGracePeriodSeconds: {{ $values.deployment.terminationGracePeriodSeconds }}
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
  {{- with $values.deployment.dnsPolicy | default (ternary "ClusterFirstWithHostNet" "" $values.hostNetwork) }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with $values.deployment.dnsConfig }}
  dnsConfig: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.deployment.hostAliases }}
  hostAliases: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $security := deepCopy $values.podSecurityContext }}
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
      imagePullPolicy: {{ $values.image.pullPolicy }}
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
        {{- with $values.env }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with $values.envFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- range $name, $port := $ports }}
        - name: {{ $name | lower | trunc 15 | trimSuffix "-" }}
          containerPort: {{ $port.containerPort | default $port.port }}
          protocol: {{ $port.protocol | default "TCP" }}
          {{- with $port.hostPort }}
          hostPort: {{ . }}
          {{- end }}
          {{- with $port.hostIP }}
          hostIP: {{ . }}
          {{- end }}
        {{- end }}
      startupProbe:
        httpGet: {{- include "flow-proxy.probe" (dict "path" $values.deployment.livenessPath "port" $health "deployment" $values.deployment) | nindent 10 }}
        {{- toYaml $values.startupProbe | nindent 8 }}
      readinessProbe:
        httpGet: {{- include "flow-proxy.probe" (dict "path" $values.deployment.readinessPath "port" $health "deployment" $values.deployment) | nindent 10 }}
        {{- toYaml $values.readinessProbe | nindent 8 }}
      livenessProbe:
        httpGet: {{- include "flow-proxy.probe" (dict "path" $values.deployment.livenessPath "port" $health "deployment" $values.deployment) | nindent 10 }}
        {{- toYaml $values.livenessProbe | nindent 8 }}
      {{- if $values.deployment.lifecycle }}
      lifecycle: {{- toYaml $values.deployment.lifecycle | nindent 8 }}
      {{- else if and (gt (int $values.drain.preStopSeconds) 0) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $values.drain.preStopSeconds }}
      {{- end }}
      securityContext: {{- toYaml $values.securityContext | nindent 8 }}
      {{- with $values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if $values.persistence.enabled }}
        - name: data
          mountPath: {{ $values.persistence.path }}
          {{- with $values.persistence.subPath }}
          subPath: {{ . }}
          {{- end }}
        {{- end }}
        {{- range $values.volumes }}
        - name: {{ tpl .name $ | replace "." "-" }}
          mountPath: {{ .mountPath }}
          readOnly: true
        {{- end }}
        {{- with $values.additionalVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
    {{- with $values.deployment.additionalContainers }}{{ toYaml . | nindent 4 }}{{ end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if $values.persistence.enabled }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ default (include "flow-proxy.fullname" .) $values.persistence.existingClaim }}
    {{- end }}
    {{- range $values.volumes }}
    - name: {{ tpl .name $ | replace "." "-" }}
      {{- if eq .type "secret" }}
      secret:
        secretName: {{ tpl .name $ }}
      {{- else if eq .type "configMap" }}
      configMap:
        name: {{ tpl .name $ }}
      {{- else }}
      {{- fail (printf "volumes: %s has the type %q; known are secret and configMap" .name .type) }}
      {{- end }}
    {{- end }}
    {{- with $values.deployment.additionalVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- if $values.affinity }}
  affinity: {{- toYaml $values.affinity | nindent 4 }}
  {{- else if and (ne $values.podAntiAffinity "none") (eq $values.deployment.kind "Deployment") }}
  affinity:
    podAntiAffinity:
      {{- if eq $values.podAntiAffinity "hard" }}
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
  topologySpreadConstraints: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "flow-proxy.probe" -}}
path: {{ .path }}
port: {{ .port }}
scheme: {{ .deployment.healthchecksScheme }}
{{- with .deployment.healthchecksHost }}
host: {{ . }}
{{- end }}
{{- end }}
