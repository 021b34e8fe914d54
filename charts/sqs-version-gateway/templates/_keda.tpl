{{/* Triggers of KEDA's aws-sqs-queue scaler; those of topics are in _kafka.tpl. Source: https://keda.sh/docs/latest/scalers/aws-sqs/ */}}

{{/*
Prints what KEDA is to call a queue: its URL as it is given or made of an ARN, or of account and
region; the name alone where the account is not known. Call with (list queue region accountId).
*/}}
{{- define "gateway.kedaQueue" -}}
{{- $queue := index . 0 }}
{{- $region := index . 1 }}
{{- $account := $queue.account | default (index . 2) }}
{{- if $queue.url }}
{{- $queue.url }}
{{- else if $account }}
{{- printf "https://sqs.%s.%s/%s/%s" $region (include "gateway.dnsSuffix" $region) $account $queue.name }}
{{- else }}
{{- $queue.name }}
{{- end }}
{{- end }}

{{/* Prints the trigger of a route; nothing where it is switched off. Call with (list root route). */}}
{{- define "gateway.kedaTrigger" -}}
{{- $root := index . 0 }}
{{- $route := index . 1 }}
{{- $keda := $root.Values.keda }}
{{- $own := get $keda.routes $route.name | default dict }}
{{- $is := mergeOverwrite (dict "enabled" true "queueLength" $keda.queueLength "scaleOnInFlight" $keda.scaleOnInFlight "scaleOnDelayed" $keda.scaleOnDelayed) $own }}
{{- if and $is.enabled (not $route.kafka) }}
{{- $queue := include "gateway.queue" (list $route.queue $route.region) | fromJson }}
{{- $region := $queue.region | default $root.Values.aws.region }}
{{- $endpoint := $queue.endpoint | default $root.Values.aws.endpointUrl }}
- type: aws-sqs-queue
  name: {{ $route.name | quote }}
  metadata:
    queueURL: {{ include "gateway.kedaQueue" (list $queue $region $keda.accountId) | quote }}
    awsRegion: {{ $region | quote }}
    {{- with $endpoint }}
    awsEndpoint: {{ . | quote }}
    {{- end }}
    queueLength: {{ $is.queueLength | int64 | quote }}
    scaleOnInFlight: {{ $is.scaleOnInFlight | quote }}
    scaleOnDelayed: {{ $is.scaleOnDelayed | quote }}
  authenticationRef:
    name: {{ $keda.authentication.existing | default (include "gateway.fullname" $root) | quote }}
{{- end }}
{{- end }}
