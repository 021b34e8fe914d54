{{/* What must fit together in the chart's other values. Call with (list found root). */}}

{{- define "gateway.checkValues" -}}
{{- $found := index . 0 }}
{{- $root := index . 1 }}
{{- $values := $root.Values }}
{{- if and $values.hpa.enabled $values.keda.enabled }}
{{- include "gateway.problem" (list $found "hpa.enabled" "is true beside keda.enabled, but KEDA makes an autoscaler of its own" "keep one") }}
{{- end }}
{{- if and $values.hpa.enabled (not (dig "requests" "cpu" "" ($values.resources | default dict))) }}
{{- include "gateway.problem" (list $found "resources.requests.cpu" "is missing, and hpa counts in shares of it" "set it, or hpa.enabled: false") }}
{{- end }}
{{- range $scaler, $keys := dict "hpa" (list "minReplicas" "maxReplicas") "keda" (list "minReplicaCount" "maxReplicaCount") }}
{{- $part := get $values $scaler }}
{{- $low := get $part (first $keys) | int }}
{{- if and $part.enabled (gt $low (get $part (last $keys) | int)) }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $scaler (first $keys)) (printf "is above %s" (last $keys)) "") }}
{{- end }}
{{- end }}
{{- if and $values.pdb.enabled (not (kindIs "invalid" $values.pdb.minAvailable)) (not (kindIs "invalid" $values.pdb.maxUnavailable)) }}
{{- include "gateway.problem" (list $found "pdb.minAvailable" "is set beside pdb.maxUnavailable" "keep one: set the other to null") }}
{{- end }}
{{- if and $values.aws.roleArn (not $values.serviceAccount.create) }}
{{- include "gateway.problem" (list $found "aws.roleArn" "annotates the chart's own service account, which serviceAccount.create: false leaves out" "annotate yours, and remove it here") }}
{{- end }}
{{- if and $values.aws.roleArn $values.aws.credentialsSecret.name }}
{{- include "gateway.problem" (list $found "aws.credentialsSecret.name" "is set beside aws.roleArn, and keys in the environment win over the role" "keep one") }}
{{- end }}
{{- $own := list "GATEWAY_CONFIG" "GATEWAY_ADMIN_HOST" "GATEWAY_ADMIN_PORT" "GATEWAY_DRAIN_SECONDS" "GATEWAY_LOG_LEVEL" "GATEWAY_LOG_FORMAT" "GATEWAY_SQS_CLIENT" }}
{{- range $at, $one := $values.extraEnv }}
{{- if has $one.name $own }}
{{- include "gateway.problem" (list $found (printf "extraEnv[%d].name" $at) (printf "%s is set by the chart" $one.name) "use `settings` or `admin.port`: probes and grace period go by them") }}
{{- end }}
{{- end }}
{{- if $values.keda.enabled }}
{{- include "gateway.checkKeda" (list $found $values) }}
{{- end }}
{{- end }}

{{- define "gateway.checkKeda" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- $names := list }}
{{- if $values.existingConfigMap }}
{{- include "gateway.problem" (list $found "keda.enabled" "makes its triggers of `routes`, which existingConfigMap replaces" "keep one, or write a ScaledObject of your own") }}
{{- end }}
{{- range $at, $route := $values.routes }}
{{- $names = append $names $route.name }}
{{- with include "gateway.queue" (list $route.queue $route.region) | fromJson }}
{{- if not (or .region $values.aws.region) }}
{{- include "gateway.problem" (list $found (printf "routes[%d]" $at) (printf "KEDA needs the region of queue %s" .name) (printf "set routes[%d].region, or aws.region" $at)) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name := keys $values.keda.routes | sortAlpha }}
{{- if not (has $name $names) }}
{{- $hint := include "gateway.meant" (dict "word" $name "known" $names "kind" "there are") }}
{{- include "gateway.problem" (list $found (printf "keda.routes%s" (include "gateway.step" $name)) (printf "no route is called %s" (include "gateway.quoted" $name)) $hint) }}
{{- end }}
{{- end }}
{{- $authentication := $values.keda.authentication }}
{{- if and (eq $authentication.identity "secret") (not $values.aws.credentialsSecret.name) }}
{{- include "gateway.problem" (list $found "keda.authentication.identity" "is secret, but aws.credentialsSecret.name names none" "") }}
{{- end }}
{{- if and $authentication.roleArn (ne $authentication.identity "operator") }}
{{- include "gateway.problem" (list $found "keda.authentication.roleArn" "is a role for KEDA's operator to take, so it needs identity: operator" "") }}
{{- end }}
{{- end }}
