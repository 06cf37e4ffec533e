{{- /* An Ingress: context, name, ingress (values), service, port, paths (in place of the hosts' own). */ -}}
{{- define "vaultwarden.ingress" -}}
{{- $ingress := .ingress }}
{{- $context := .context }}
{{- $service := .service }}
{{- $port := .port }}
{{- $paths := .paths }}
{{- if not $ingress.hosts }}{{ fail (printf "%s: ingress.enabled needs ingress.hosts" .context.Chart.Name) }}{{ end }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .name }}
  namespace: {{ include "vaultwarden.namespace" .context }}
  labels: {{- include "vaultwarden.labels" .context | nindent 4 }}
  {{- with merge (dict) (.annotations | default dict) ($ingress.annotations | default dict) }}
  annotations:
    {{- range $key, $value := . }}
    {{- if not (kindIs "invalid" $value) }}
    {{ $key }}: {{ include "vaultwarden.text" $value | quote }}
    {{- end }}
    {{- end }}
  {{- end }}
spec:
  {{- with $ingress.ingressClassName | default $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with $ingress.tls }}
  tls: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range $host := $ingress.hosts }}
    - host: {{ $host.host | required (printf "%s: every one of ingress.hosts needs host" $context.Chart.Name) | quote }}
      http:
        paths:
          {{- range $paths | default $host.paths | default (list dict) }}
          - path: {{ .path | default "/" }}
            pathType: {{ .pathType | default "Prefix" }}
            backend:
              service:
                name: {{ $service }}
                port:
                  number: {{ $port }}
          {{- end }}
    {{- end }}
{{- end }}
