{{- define "authentik.postgresqlName" -}}
{{- .Values.postgresql.fullnameOverride | default "authentik-postgresql" }}
{{- end }}

{{- /* A variable from a Secret: name, secret, key. */ -}}
{{- define "authentik.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}

{{- define "authentik.env" -}}
{{- $name := include "authentik.fullname" . }}
{{- $email := .Values.email }}
{{- $external := .Values.externalDatabase }}
- name: AUTHENTIK_POSTGRESQL__HOST
  value: {{ ternary (include "authentik.postgresqlName" .) $external.host .Values.postgresql.enabled | required "authentik: externalDatabase.host is needed with postgresql.enabled=false" | quote }}
- name: AUTHENTIK_POSTGRESQL__PORT
  value: {{ ternary 5432 $external.port .Values.postgresql.enabled | quote }}
- name: AUTHENTIK_POSTGRESQL__NAME
  value: {{ ternary .Values.postgresql.auth.database $external.database .Values.postgresql.enabled | quote }}
- name: AUTHENTIK_POSTGRESQL__USER
  value: {{ ternary .Values.postgresql.auth.username $external.username .Values.postgresql.enabled | quote }}
{{- if .Values.postgresql.enabled }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_POSTGRESQL__PASSWORD" "secret" (default (include "authentik.postgresqlName" .) .Values.postgresql.auth.existingSecret) "key" "password") }}
{{- else if $external.existingSecret }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_POSTGRESQL__PASSWORD" "secret" $external.existingSecret "key" "password") }}
{{- else }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_POSTGRESQL__PASSWORD" "secret" $name "key" "database-password") }}
{{- end }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_SECRET_KEY" "secret" (default $name .Values.existingSecret) "key" "secret-key") }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_BOOTSTRAP_PASSWORD" "secret" (default $name .Values.bootstrap.existingSecret) "key" "bootstrap-password") }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_BOOTSTRAP_TOKEN" "secret" (default $name .Values.bootstrap.existingSecret) "key" "bootstrap-token") }}
{{- with .Values.bootstrap.email }}
- name: AUTHENTIK_BOOTSTRAP_EMAIL
  value: {{ . | quote }}
{{- end }}
{{- if $email.host }}
- name: AUTHENTIK_EMAIL__HOST
  value: {{ $email.host | quote }}
- name: AUTHENTIK_EMAIL__PORT
  value: {{ $email.port | quote }}
- name: AUTHENTIK_EMAIL__USERNAME
  value: {{ $email.username | quote }}
{{- if or $email.password $email.existingSecret }}
{{ include "authentik.secretEnv" (dict "name" "AUTHENTIK_EMAIL__PASSWORD" "secret" (default $name $email.existingSecret) "key" "email-password") }}
{{- end }}
- name: AUTHENTIK_EMAIL__USE_TLS
  value: {{ $email.use_tls | quote }}
- name: AUTHENTIK_EMAIL__USE_SSL
  value: {{ $email.use_ssl | quote }}
- name: AUTHENTIK_EMAIL__TIMEOUT
  value: {{ $email.timeout | quote }}
- name: AUTHENTIK_EMAIL__FROM
  value: {{ $email.from | quote }}
{{- end }}
{{- if .Values.grafana.enabled }}
{{ include "authentik.secretEnv" (dict "name" "GRAFANA_CLIENT_SECRET" "secret" (default $name .Values.grafana.existingSecret) "key" "grafana-client-secret") }}
{{- end }}
- name: AUTHENTIK_DISABLE_UPDATE_CHECK
  value: "true"
- name: AUTHENTIK_ERROR_REPORTING__ENABLED
  value: "false"
{{- range $variable, $value := .Values.env }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $variable }}
  value: {{ include "authentik.text" $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What server and worker have in common: context, component. */ -}}
{{- define "authentik.deployment" -}}
{{- $values := .context.Values }}
{{- $name := include "authentik.fullname" .context }}
{{- $own := index $values .component }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}-{{ .component }}
  namespace: {{ include "authentik.namespace" .context }}
  labels:
    {{- include "authentik.labels" .context | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  replicas: {{ $own.replicas }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "authentik.selector" .context | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template:
    metadata:
      labels:
        {{- include "authentik.labels" .context | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
      annotations:
        checksum/configuration: {{ list $values.secret_key $values.email $values.bootstrap $values.grafana $values.forwardAuth $values.externalDatabase | toJson | sha256sum }}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 60
      securityContext: {{- include "authentik.podSecurity" 1000 | nindent 8 }}
      containers:
        - name: {{ .component }}
          image: {{ include "authentik.image" $values.image }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args: [{{ .component }}]
          env: {{- include "authentik.env" .context | nindent 12 }}
          {{- if eq .component "server" }}
          ports:
            - {name: http, containerPort: 9000}
            - {name: https, containerPort: 9443}
            - {name: metrics, containerPort: 9300}
          startupProbe:
            # The first start migrates the database.
            httpGet: {path: /-/health/live/, port: http}
            periodSeconds: 10
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /-/health/live/, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet: {path: /-/health/ready/, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
          {{- else }}
          startupProbe:
            exec: {command: [ak, healthcheck]}
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 60
          livenessProbe:
            exec: {command: [ak, healthcheck]}
            periodSeconds: 30
            timeoutSeconds: 10
          readinessProbe:
            exec: {command: [ak, healthcheck]}
            periodSeconds: 30
            timeoutSeconds: 10
          {{- end }}
          securityContext: {{- include "authentik.containerSecurity" . | nindent 12 }}
          resources: {{- toYaml $own.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            - {name: shm, mountPath: /dev/shm}
            - {name: data, mountPath: /data}
            - {name: blueprints, mountPath: /blueprints/cluster, readOnly: true}
      volumes:
        - name: tmp
          emptyDir: {}
        - name: shm
          emptyDir: {medium: Memory, sizeLimit: 512Mi}
        - name: data
          {{- if $values.persistence.enabled }}
          persistentVolumeClaim: {claimName: {{ $name }}-data}
          {{- else }}
          emptyDir: {}
          {{- end }}
        - name: blueprints
          configMap: {name: {{ $name }}-blueprints}
      {{- with $values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- if gt (int $own.replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}-{{ .component }}
  namespace: {{ include "authentik.namespace" .context }}
  labels: {{- include "authentik.labels" .context | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "authentik.selector" .context | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
{{- end }}
{{- end }}
