{{- /* The image. Values files for Traefik's chart name Traefik's, which would not start with the arguments of this chart. */ -}}

{{- /* Whether the values mean Traefik's image: by its repository (also a mirror of it), or by its tag where the repository is ours. */ -}}
{{- define "flow-proxy.imageOfTraefik" -}}
{{- $image := .Values.image | default dict }}
{{- $repository := $image.repository | default (include "flow-proxy.ownRepository" .) | lower }}
{{- $last := regexReplaceAll "[:@].*$" (splitList "/" $repository | last) "" }}
{{- if and (contains "traefik" $last) (not (contains "flow-proxy" $last)) }}true
{{- else if and (eq $repository (include "flow-proxy.ownRepository" .)) (include "flow-proxy.tagOfTraefik" $image.tag) }}true
{{- end }}
{{- end }}

{{- define "flow-proxy.ownRepository" }}ominis-ai/flow-proxy{{ end }}

{{- /* Whether a tag is like those of Traefik's releases (v2.11, 3.6.1, v3.7.0-rc1); flow-proxy's begin with 0. */ -}}
{{- define "flow-proxy.tagOfTraefik" -}}
{{- if regexMatch "^v?[1-9][0-9]*(\\.[0-9]+)+" (toString .) }}true{{ end }}
{{- end }}

{{- define "flow-proxy.image" -}}
{{- $image := ternary dict (.Values.image | default dict) (not (empty (include "flow-proxy.imageOfTraefik" .))) }}
{{- $own := include "flow-proxy.ownRepository" . }}
{{- $repository := $image.repository | default $own }}
{{- /* An empty registry is none, but ours is never looked for on Docker Hub. */ -}}
{{- $registry := $image.registry | default (ternary "ghcr.io" "" (eq $repository $own)) }}
{{- $name := ternary (printf "%s/%s" $registry $repository) $repository (not (empty $registry)) }}
{{- if $image.digest }}{{ $name }}@{{ $image.digest }}{{ else }}{{ $name }}:{{ include "flow-proxy.scalar" ($image.tag | default .Chart.AppVersion) }}{{ end }}
{{- end }}

{{- define "flow-proxy.imageWarnings" -}}
{{- $image := .Values.image | default dict }}
{{- $own := eq ($image.repository | default (include "flow-proxy.ownRepository" .)) (include "flow-proxy.ownRepository" .) }}
{{- $tag := include "flow-proxy.scalar" ($image.tag | default "") }}
{{- if include "flow-proxy.imageOfTraefik" . }}
- image: {{ if $own }}the tag {{ $tag }} is of a release of Traefik's{{ else }}{{ list $image.registry $image.repository | compact | join "/" }}{{ if $tag }}:{{ $tag }}{{ end }} is Traefik's{{ end }} and not used; the pods run {{ include "flow-proxy.image" . }}: name your copy of flow-proxy's by image.registry, image.repository and image.tag
{{- else if and (include "flow-proxy.tagOfTraefik" $image.tag) (not $image.digest) }}
- image.tag {{ $image.tag }} is like a release of Traefik's: the pods run {{ include "flow-proxy.image" . }}, which must be flow-proxy's image
{{- end }}
{{- end }}
