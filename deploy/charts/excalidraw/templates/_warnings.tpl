{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "excalidraw.warnings" -}}
{{- range $at, $image := dict "image" .Values.image "room.image" .Values.room.image }}
{{- if and (eq $image.tag "latest") (not $image.digest) }}
- {{ $at }} is latest, the only tag that is published: name {{ $at }}.digest, or a restart may bring another version
{{- end }}
{{- end }}
{{- if and .Values.room.enabled (not .Values.ingress.enabled) }}
- room.enabled without ingress: collaboration goes to oss-collab.excalidraw.com, since the host is not known
{{- end }}
{{- end }}
