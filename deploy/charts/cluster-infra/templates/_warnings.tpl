{{- /* Everything that an operator should know, one a line. */ -}}
{{- define "cluster-infra.warnings" -}}
{{- $namespaces := include "cluster-infra.namespaces" . | fromJson }}
{{- if .Values.namespaces.create }}
{{- range $namespaces.foreign }}
- the namespace {{ . }} is not of this release and left as it is: kubectl label namespace {{ . }} pod-security.kubernetes.io/enforce={{ get $.Values.namespaces.podSecurity . }}
{{- end }}
{{- end }}
{{- $issuer := .Values.clusterIssuer }}
{{- if and (eq $issuer.create "auto") (not (.Capabilities.APIVersions.Has "cert-manager.io/v1")) }}
- the cluster does not serve cert-manager.io/v1: no ClusterIssuer {{ $issuer.name }} was made, and nobody issues certificates
{{- end }}
{{- $hosts := list }}
{{- range ((.Values.authentik | default dict).forwardAuth | default dict).applications }}{{ $hosts = append $hosts .host }}{{ end }}
{{- range $chart := list "homer" "excalidraw" }}
{{- $values := index $.Values $chart }}
{{- if and $values.enabled $values.ingress.enabled $values.protection.enabled }}
{{- range $values.ingress.hosts }}
{{- if not (has .host $hosts) }}
- {{ $chart }}: {{ .host }} is not among authentik.forwardAuth.applications: nobody will be let in
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $chart := list "flow-proxy" "authentik" "vaultwarden" "homer" "excalidraw" }}
{{- with index $.Subcharts $chart }}
{{- range include (printf "%s.warnings" $chart) . | trim | splitList "\n" }}
{{- if trim . }}
- {{ $chart }}: {{ trimPrefix "- " (trim .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
