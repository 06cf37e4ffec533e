{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "homer.warnings" -}}
{{- if regexMatch "(?i)change-?me|^sipcapture$" .Values.app.adminPassword }}
- app.adminPassword IS "{{ .Values.app.adminPassword }}": everybody who has read the documentation knows it
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.protection.enabled) }}
- protection.enabled is false: Homer's own log-in is all that keeps the world from the captured calls
{{- end }}
{{- if and (ne .Values.server.service.type "ClusterIP") (not .Values.server.service.loadBalancerSourceRanges) }}
- server.service is open to the world: HEP knows no log-in; name server.service.loadBalancerSourceRanges
{{- end }}
{{- end }}
