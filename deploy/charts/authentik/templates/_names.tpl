{{- /* One instance a namespace: the name is the chart's, whatever the release is called. */ -}}
{{- define "authentik.fullname" -}}
{{- default .Chart.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "authentik.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "authentik.selector" -}}
app.kubernetes.io/name: {{ include "authentik.fullname" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "authentik.labels" -}}
{{ include "authentik.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Name of an image: repository, tag, digest, which wins. */ -}}
{{- define "authentik.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- /* A pod's security context of the profile "restricted": context, uid. */ -}}
{{- define "authentik.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "authentik.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* A secret value in base64 that upgrades do not change: given, else what the cluster holds, else new.
       namespace, secret, key, given, length. */ -}}
{{- define "authentik.secretValue" -}}
{{- $there := (lookup "v1" "Secret" .namespace .secret).data | default dict }}
{{- if .given }}{{ toString .given | b64enc }}
{{- else if hasKey $there .key }}{{ get $there .key }}
{{- else }}{{ randAlphaNum (.length | default 40) | b64enc }}{{ end }}
{{- end }}

{{- /* A scalar as people write it: Helm reads numbers as floats, and 5000000 must not become 5e+06. */ -}}
{{- define "authentik.text" -}}
{{- if kindIs "float64" . }}{{ if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}
{{- else }}{{ toString . }}{{ end }}
{{- end }}

{{- /* Whether the Middleware of forwardAuth is made: an API server without its kind would refuse the whole release. */ -}}
{{- define "authentik.makesMiddleware" -}}
{{- $forward := .Values.forwardAuth }}
{{- if and $forward.enabled (or (eq (toString $forward.middleware) "always") (and (ne (toString $forward.middleware) "never") (.Capabilities.APIVersions.Has "traefik.io/v1alpha1"))) }}true{{ end }}
{{- end }}
