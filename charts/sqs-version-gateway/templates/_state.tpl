{{/* Where rollouts, and weights set by hand, are kept. */}}

{{/* The setting GATEWAY_STATE. */}}
{{- define "gateway.state" -}}
{{- ternary (printf "kubernetes:%s" (include "gateway.fullname" .)) .Values.state (eq .Values.state "kubernetes") }}
{{- end }}

{{/*
A file is for one gateway, which locks it: a second pod beside the first would wait for the lock, and the first one
for the second to be ready. Call with (list found root).
*/}}
{{- define "gateway.checkState" -}}
{{- $found := index . 0 }}
{{- $values := (index . 1).Values }}
{{- if and (eq $values.state "kubernetes") (eq $values.existingConfigMap (include "gateway.fullname" (index . 1))) }}
{{- include "gateway.problem" (list $found "existingConfigMap" "is the ConfigMap of `state` too" "give one of them another name: yours, or fullnameOverride") }}
{{- end }}
{{- if hasPrefix "file:" $values.state }}
{{- $path := clean (trimPrefix "file:" $values.state) }}
{{- if or $values.hpa.enabled $values.keda.enabled (gt (int $values.replicas) 1) }}
{{- include "gateway.problem" (list $found "state" "is a file, which is for one replica" "state: kubernetes, or replicas: 1 without an autoscaler") }}
{{- end }}
{{- if ne (toString $values.strategy.type) "Recreate" }}
{{- include "gateway.problem" (list $found "state" "is a file, and the new pod waits for the old one's lock on it" "strategy.type: Recreate") }}
{{- end }}
{{- $mounted := false }}
{{- range $values.extraVolumeMounts }}
{{- if hasPrefix (printf "%s/" (clean .mountPath)) $path }}{{ $mounted = true }}{{ end }}
{{- end }}
{{- if not $mounted }}
{{- include "gateway.problem" (list $found "state" "is a file in no volume, and nothing else can be written" (printf "add a volume to extraVolumes, and its folder %s to extraVolumeMounts" (dir $path))) }}
{{- end }}
{{- end }}
{{- end }}
