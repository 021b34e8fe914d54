{{/* The hosts of AWS that the gateway calls, as JSON: those of its queues' regions, and `hosts` of the values. */}}
{{- define "gateway.awsHosts" -}}
{{- $values := .Values }}
{{- $hosts := $values.istio.serviceEntry.hosts }}
{{- $regions := list $values.aws.region }}
{{- if ne $values.routesFrom "elsewhere" }}
{{- range $values.routes }}
{{- $queue := include "gateway.queue" (list .queue .region) | fromJson }}
{{- if hasPrefix "https://" ($queue.url | default "") }}
{{- $hosts = append $hosts (regexReplaceAll "^https://([^/:]+).*$" $queue.url "${1}") }}
{{- end }}
{{- $regions = append $regions ($queue.region | default "") }}
{{- end }}
{{- end }}
{{- range $regions | uniq | compact }}
{{- $suffix := include "gateway.dnsSuffix" . }}
{{- $hosts = concat $hosts (list (printf "sqs.%s.%s" . $suffix) (printf "sts.%s.%s" . $suffix)) }}
{{- end }}
{{- toJson ($hosts | uniq | sortAlpha) }}
{{- end }}
