{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "authentik.warnings" -}}
{{- range $name, $value := dict "secret_key" .Values.secret_key "email.password" .Values.email.password "bootstrap.password" .Values.bootstrap.password "bootstrap.token" .Values.bootstrap.token "grafana.clientSecret" .Values.grafana.clientSecret }}
{{- if regexMatch "(?i)change-?me|your-client-secret" (toString $value) }}
- {{ $name }} IS STILL "{{ $value }}": everybody who has read the documentation knows it
{{- end }}
{{- end }}
{{- if eq (toString .Values.email.password) "SG.xxx" }}
- email.password is the documentation's SG.xxx: no e-mail will be sent
{{- end }}
{{- if and .Values.email.host (eq (int .Values.email.port) 587) (not .Values.email.use_tls) }}
- email.port 587 without email.use_tls: most servers refuse that
{{- end }}
{{- if and .Values.forwardAuth.enabled (ne (toString .Values.forwardAuth.middleware) "never") (not (include "authentik.makesMiddleware" .)) }}
- the cluster does not serve traefik.io/v1alpha1: no Middleware {{ include "authentik.fullname" . }} was made, and routes that name it are not served; install the CRDs and upgrade, or set forwardAuth.middleware=always
{{- end }}
{{- if not .Values.ingress.enabled }}
- ingress.enabled is false: nobody can log in from outside
{{- end }}
{{- end }}
