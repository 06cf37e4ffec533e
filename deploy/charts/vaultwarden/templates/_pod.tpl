{{- define "vaultwarden.isSecret" -}}
{{- if or (has . (list "ADMIN_TOKEN" "DATABASE_URL" "SMTP_PASSWORD" "SSO_CLIENT_SECRET" "YUBICO_SECRET_KEY" "PUSH_INSTALLATION_KEY" "DUO_SKEY" "HIBP_API_KEY")) (regexMatch "(PASSWORD|SECRET|TOKEN)$" .) }}true{{ end }}
{{- end }}

{{- define "vaultwarden.postgresqlName" -}}
{{- .Values.postgresql.fullnameOverride | default "vaultwarden-postgresql" }}
{{- end }}

{{- /* The variables of a PostgreSQL connection; nothing with SQLite. */ -}}
{{- define "vaultwarden.database" -}}
{{- $external := .Values.externalDatabase }}
{{- if or .Values.postgresql.enabled $external.host }}
- name: PGHOST
  value: {{ ternary (include "vaultwarden.postgresqlName" .) $external.host .Values.postgresql.enabled | quote }}
- name: PGPORT
  value: {{ ternary 5432 $external.port .Values.postgresql.enabled | quote }}
- name: PGUSER
  value: {{ ternary .Values.postgresql.auth.username $external.username .Values.postgresql.enabled | quote }}
- name: PGDATABASE
  value: {{ ternary .Values.postgresql.auth.database $external.database .Values.postgresql.enabled | quote }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      {{- if .Values.postgresql.enabled }}
      name: {{ default (include "vaultwarden.postgresqlName" .) .Values.postgresql.auth.existingSecret }}
      key: password
      {{- else }}
      name: {{ default (include "vaultwarden.fullname" .) $external.existingSecret }}
      key: {{ ternary "password" "database-password" (not (empty $external.existingSecret)) }}
      {{- end }}
{{- end }}
{{- end }}

{{- define "vaultwarden.claim" -}}
{{- .Values.persistence.existingClaim | default (printf "data-%s-0" (include "vaultwarden.fullname" .)) }}
{{- end }}
