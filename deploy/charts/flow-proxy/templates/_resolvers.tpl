{{- /* JSON of the resolvers of certificates: by their name today, and by that of charts before 34, which leaves out `acme`. */ -}}
{{- define "flow-proxy.resolvers" -}}
{{- $resolvers := deepCopy (.Values.certificatesResolvers | default dict) }}
{{- range $name, $acme := .Values.certResolvers }}
{{- if not (hasKey $resolvers $name) }}{{ $_ := set $resolvers $name (dict "acme" (deepCopy ($acme | default dict))) }}{{ end }}
{{- end }}
{{- /* An empty group is a challenge without options. */ -}}
{{- range $name, $resolver := $resolvers }}
{{- $acme := ($resolver | default dict).acme }}
{{- if kindIs "map" $acme }}
{{- range $option, $value := $acme }}
{{- if and (has (lower $option) (list "httpchallenge" "tlschallenge" "dnspersistchallenge")) (kindIs "map" $value) (not $value) }}{{ $_ := set $acme $option true }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $resolvers }}
{{- end }}

{{- /* JSON of those of them that can prove a name: the proxy does not start with another. */ -}}
{{- define "flow-proxy.servedResolvers" -}}
{{- $served := dict }}
{{- range $name, $resolver := include "flow-proxy.resolvers" . | fromJson }}
{{- range $option, $value := ($resolver | default dict).acme }}
{{- if and $value (has (lower $option) (list "httpchallenge" "tlschallenge" "dnspersistchallenge")) }}{{ $_ := set $served $name (pick $resolver "acme") }}{{ end }}
{{- end }}
{{- end }}
{{- toJson $served }}
{{- end }}

{{- define "flow-proxy.certificateWarnings" -}}
{{- $served := include "flow-proxy.servedResolvers" . | fromJson }}
{{- range $name, $resolver := include "flow-proxy.resolvers" . | fromJson }}
{{- if not (hasKey $served $name) }}
- certificatesResolvers.{{ $name }} is left out and gets no certificates: it proves names neither by httpChallenge nor by tlsChallenge, and others are not served
{{- else if hasKey $resolver.acme "dnsChallenge" }}
- certificatesResolvers.{{ $name }}: dnsChallenge is known from Traefik's chart and not served here: it has no effect
{{- end }}
{{- end }}
{{- if and $served (not (include "flow-proxy.resolversInCluster" .)) }}
{{- if not .Values.persistence.enabled }}
- certificatesResolvers without a Kubernetes provider and without persistence.enabled: account and certificates end with the pod, and each start orders anew
{{- end }}
{{- if include "flow-proxy.several" . }}
- certificatesResolvers with several replicas and without a Kubernetes provider: each orders for itself, and challenges reach the wrong one; set deployment.replicas=1
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether resolvers keep what they have in Secrets, which all replicas see: where a cluster is read. */ -}}
{{- define "flow-proxy.resolversInCluster" -}}
{{- $reads := or .Values.providers.kubernetesIngress.enabled .Values.providers.kubernetesCRD.enabled }}
{{- if and $reads (include "flow-proxy.servedResolvers" . | fromJson) }}true{{ end }}
{{- end }}
