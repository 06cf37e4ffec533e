{{- /* JSON: which namespaces this release has, and which were there before: {"ours": […], "foreign": […]}. */ -}}
{{- define "cluster-infra.namespaces" -}}
{{- $ours := list }}
{{- $foreign := list }}
{{- range $name, $_ := .Values.namespaces.podSecurity }}
{{- $chart := index $.Values $name | default dict }}
{{- if or (not (hasKey $chart "enabled")) $chart.enabled }}
{{- $there := lookup "v1" "Namespace" "" $name }}
{{- $annotations := (($there | default dict).metadata | default dict).annotations | default dict }}
{{- $mine := and (eq (get $annotations "meta.helm.sh/release-name") $.Release.Name) (eq (get $annotations "meta.helm.sh/release-namespace") $.Release.Namespace) }}
{{- /* Helm makes the release's own namespace before it renders, and then it is not the release's. */ -}}
{{- if or (eq $name $.Release.Namespace) (and $there (not $mine)) }}
{{- $foreign = append $foreign $name }}
{{- else }}
{{- $ours = append $ours $name }}
{{- end }}
{{- end }}
{{- end }}
{{- dict "ours" $ours "foreign" $foreign | toJson }}
{{- end }}
