{{- /* What is read in namespaces. Secrets are apart, since they may be granted more narrowly.
       Newer API servers stream lists to who may watch; `list` is for the others. */ -}}
{{- define "flow-proxy.rules.namespaced" -}}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- if .Values.providers.kubernetesIngress.enabled }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- end }}
{{- if .Values.providers.kubernetesCRD.enabled }}
- apiGroups: [traefik.io, traefik.containo.us]
  resources: [ingressroutes, middlewares, serverstransports, tlsoptions, tlsstores, traefikservices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
# Not served, so that what is there is told: of these only the metadata is read.
- apiGroups: [traefik.io, traefik.containo.us]
  resources: [ingressroutetcps, ingressrouteudps, middlewaretcps, serverstransporttcps]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, grpcroutes, httproutes, tcproutes, tlsroutes, udproutes]
  verbs: [list, watch]
{{- end }}
# What has no effect is told on its object.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.acme.enabled }}
- apiGroups: [cert-manager.io]
  resources: [certificates, certificaterequests, issuers]
  verbs: [list, watch]
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [create, patch, delete]
- apiGroups: [cert-manager.io]
  resources: [certificaterequests]
  verbs: [create, delete]
- apiGroups: [cert-manager.io]
  resources: [certificates/status, certificaterequests/status, issuers/status]
  verbs: [patch]
- apiGroups: [acme.cert-manager.io]
  resources: [orders, challenges]
  verbs: [list, watch, create, delete]
# Finalizers that a former cert-manager left are taken off.
- apiGroups: [acme.cert-manager.io]
  resources: [challenges]
  verbs: [patch]
- apiGroups: [acme.cert-manager.io]
  resources: [orders/status, challenges/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [patch]
{{- end }}
{{- end }}

{{- define "flow-proxy.rules.secrets" -}}
- apiGroups: [""]
  resources: [secrets]
  {{- with .Values.rbac.secretResourceNames }}
  resourceNames: {{- toYaml . | nindent 4 }}
  {{- end }}
  verbs: [get, list, watch]
{{- if .Values.acme.enabled }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, patch, delete]
{{- end }}
{{- end }}

{{- /* What certificate resolvers keep: accounts, certificates and what is under way. */ -}}
{{- define "flow-proxy.rules.resolvers" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch, create, patch, delete]
{{- end }}

{{- /* What has no namespace. */ -}}
{{- define "flow-proxy.rules.cluster" -}}
{{- if and .Values.providers.kubernetesIngress.enabled (not .Values.providers.kubernetesIngress.disableIngressClassLookup) }}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
{{- end }}
{{- if .Values.providers.kubernetesCRD.enabled }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses]
  verbs: [list, watch]
{{- end }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- if or .Values.providers.kubernetesCRD.enabled .Values.acme.enabled }}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [list, watch]
{{- end }}
{{- if .Values.acme.enabled }}
- apiGroups: [cert-manager.io]
  resources: [clusterissuers]
  verbs: [list, watch]
# Limits of the certificates of a namespace are annotations of it.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
- apiGroups: [cert-manager.io]
  resources: [clusterissuers/status]
  verbs: [patch]
# Whether a cert-manager is at work, to which the certificates are left.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [cert-manager-controller]
  verbs: [list, watch]
{{- end }}
{{- end }}

{{- /* A Role and its binding: context, name, namespace, rules. */ -}}
{{- define "flow-proxy.role" -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "flow-proxy.labels" .context | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "flow-proxy.labels" .context | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "flow-proxy.serviceAccount" .context }}
    namespace: {{ include "flow-proxy.namespace" .context }}
{{- end }}
