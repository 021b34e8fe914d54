{{/* Who may speak with whom. */}}

{{/* A whole namespace as a peer of a NetworkPolicy. The label is Kubernetes' own, on every namespace since 1.22. */}}
{{- define "gateway.namespacePeer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . | quote }}
{{- end }}

{{/*
Prints JSON of the namespaces that the routes' URLs name: of `b.shop` and `b.shop.svc.cluster.local` it is shop.
A name of two parts may as well be outside (example.com): then there is no such namespace, and nothing is opened.
*/}}
{{- define "gateway.namespacesOfRoutes" -}}
{{- $found := list }}
{{- $urls := list .Values.aws.endpointUrl }}
{{- if ne .Values.routesFrom "elsewhere" }}
{{- range .Values.routes }}
{{- $urls = append $urls (toString .queue) }}
{{- range (.kafka | default dict).brokers }}{{ $urls = append $urls (printf "http://%s" (include "gateway.serviceOfBroker" .)) }}{{ end }}
{{- range $name, $version := .versions }}
{{- $urls = append $urls (ternary $version (get (ternary $version (dict) (kindIs "map" $version)) "url") (kindIs "string" $version) | toString) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $urls }}
{{- $host := regexReplaceAll "^https?://(?:[^/@]*@)?([^/:?#]*).*$" . "${1}" | lower }}
{{- if and (hasPrefix "http" .) (regexMatch "^[a-z0-9-]+\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.svc(\\..+)?)?\\.?$" $host) }}
{{- $found = append $found (index (splitList "." $host) 1) }}
{{- end }}
{{- end }}
{{- $found = without ($found | uniq | sortAlpha) (include "gateway.namespace" .) }}
{{- toJson $found }}
{{- end }}

{{/* Prints a broker as the Service before it: POD.SERVICE.NAMESPACE has a pod's name in front. */}}
{{- define "gateway.serviceOfBroker" -}}
{{- if regexMatch "^[a-z0-9-]+\\.[a-z0-9-]+\\.svc(\\.|:|$)" . }}{{ . }}
{{- else }}{{ regexReplaceAll "^[a-z0-9-]+\\.([a-z0-9-]+\\.[a-z0-9-]+(?:\\.svc(?:\\.[a-z0-9.-]+)?)?(?::[0-9]+)?)$" . "${1}" }}
{{- end }}
{{- end }}

{{/* Prints true where the pods have, or may have, a sidecar. */}}
{{- define "gateway.meshed" -}}
{{- if eq .Values.istio.injection "enabled" }}true
{{- else if eq .Values.istio.injection "" }}
{{- if .Capabilities.APIVersions.Has "networking.istio.io/v1" }}true{{ end }}
{{- end }}
{{- end }}
