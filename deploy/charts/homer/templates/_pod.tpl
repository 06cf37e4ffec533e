{{- define "homer.databaseHost" -}}
{{- ternary (.Values.postgresql.fullnameOverride | default "homer-postgresql") .Values.externalDatabase.host .Values.postgresql.enabled | required "homer: externalDatabase.host is needed with postgresql.enabled=false" }}
{{- end }}

{{- define "homer.databasePassword" -}}
valueFrom:
  secretKeyRef:
    {{- if .Values.postgresql.enabled }}
    name: {{ .Values.postgresql.auth.existingSecret | default .Values.postgresql.fullnameOverride | default "homer-postgresql" }}
    key: password
    {{- else if .Values.externalDatabase.existingSecret }}
    name: {{ .Values.externalDatabase.existingSecret }}
    key: password
    {{- else }}
    name: {{ include "homer.fullname" . }}
    key: database-password
    {{- end }}
{{- end }}

{{- define "homer.databasePort" -}}
{{- ternary 5432 .Values.externalDatabase.port .Values.postgresql.enabled }}
{{- end }}

{{- define "homer.databaseUser" -}}
{{- ternary .Values.postgresql.auth.username .Values.externalDatabase.username .Values.postgresql.enabled }}
{{- end }}

{{- /* Labels that tell the parts of Homer apart: context, component. */ -}}
{{- define "homer.component" -}}
{{ include "homer.selector" .context }}
app.kubernetes.io/component: {{ .component }}
{{- end }}
