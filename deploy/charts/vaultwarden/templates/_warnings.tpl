{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "vaultwarden.warnings" -}}
{{- range $variable, $given := .Values.env }}
{{- $value := ternary "" (include "vaultwarden.text" $given) (kindIs "invalid" $given) }}
{{- if regexMatch "(?i)change-?me" $value }}
- env.{{ $variable }} IS STILL "{{ $value }}": everybody who has read the documentation knows it
{{- else if and (eq $variable "ADMIN_TOKEN") $value (not (hasPrefix "$argon2" $value)) }}
- env.ADMIN_TOKEN is in clear: put the output of `vaultwarden hash` there
{{- end }}
{{- end }}
{{- if and (eq .Values.image.tag "latest") (not .Values.image.digest) }}
- image.tag is latest: a restart may bring another version; name one, or a digest
{{- end }}
{{- if not .Values.persistence.enabled }}
- persistence.enabled is false: every password is lost with the pod
{{- end }}
{{- if not .Values.backup.enabled }}
- backup.enabled is false: nothing saves the data from the loss of their volume
{{- end }}
{{- if not .Values.env.DOMAIN }}
- env.DOMAIN is not set: attachments, WebAuthn and mails need https://HOST
{{- end }}
{{- if .Values.postgresql.enabled }}
{{- if ne (default "" .Values.postgresql.namespaceOverride) (default "" .Values.namespaceOverride) }}
- postgresql.namespaceOverride is not namespaceOverride: the database will not be found
{{- end }}
{{- end }}
{{- end }}
