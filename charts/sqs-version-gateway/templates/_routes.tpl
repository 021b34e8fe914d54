{{/* The routes as the routing file has them. */}}

{{/*
Prints JSON of a route without its name and versions. Helm reads YAML 1.1, where the key `on` of `fallback`
is the boolean true.
*/}}
{{- define "gateway.restOfRoute" -}}
{{- $route := omit . "name" "versions" }}
{{- if kindIs "map" .fallback }}
{{- if hasKey .fallback "true" }}
{{- $fallback := omit .fallback "true" }}{{/* not `merge`: it would lose `after_receives: null` */}}
{{- $_ := set $fallback "on" (get .fallback "true") }}
{{- $_ := set $route "fallback" $fallback }}
{{- end }}
{{- end }}
{{- toJson $route }}
{{- end }}

{{/* Prints the name of a route's stable version; nothing where it cannot be told. */}}
{{- define "gateway.stable" -}}
{{- $versions := .versions | default dict }}
{{- if .stable }}{{ if hasKey $versions .stable }}{{ .stable }}{{ end }}
{{- else if eq (len $versions) 1 }}{{ first (keys $versions) }}
{{- else if hasKey $versions "stable" }}stable
{{- end }}
{{- end }}

{{/* Prints JSON of the names of a route's versions: stable first, the others by the alphabet. */}}
{{- define "gateway.versionNames" -}}
{{- $first := include "gateway.stable" . | default "stable" }}
{{- $names := keys (.versions | default dict) | sortAlpha }}
{{- if has $first $names }}{{ $names = prepend (without $names $first) $first }}{{ end }}
{{- toJson $names }}
{{- end }}
