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
{{- if and $values.aws.roleArn (not $values.serviceAccount.create) }}
{{- include "gateway.problem" (list $found "aws.roleArn" "annotates the chart's own service account, which serviceAccount.create: false leaves out" "annotate yours, and remove it here") }}
{{- end }}
{{- if and $values.aws.roleArn $values.aws.credentialsSecret.name }}
{{- include "gateway.problem" (list $found "aws.credentialsSecret.name" "is set beside aws.roleArn, and keys in the environment win over the role" "keep one") }}
{{- end }}
{{- include "gateway.checkForeignNames" (list $found $values) }}
{{- include "gateway.checkNames" (list $found $values) }}
{{- include "gateway.checkSources" (list $found $values) }}
{{- include "gateway.checkState" (list $found $root) }}
{{- include "gateway.checkTwice" (list $found $root) }}
{{- include "gateway.checkKinds" (list $found $root) }}
{{- if and (or $values.admin.protectReads $values.admin.protectMetrics) (not $values.admin.token.secretName) }}
{{- include "gateway.problem" (list $found (printf "admin.%s" (ternary "protectReads" "protectMetrics" $values.admin.protectReads)) "asks for a token, and there is none" "set admin.token.secretName") }}
{{- end }}
{{- if and $values.flagger.enabled (not $values.flagger.prometheus) }}
{{- include "gateway.problem" (list $found "flagger.prometheus" "is missing, and Flagger asks there for the verdict" "http://prometheus.monitoring:9090, as Flagger reaches it") }}
{{- end }}
{{- if $values.keda.enabled }}
{{- include "gateway.checkKeda" (list $found $values) }}
{{- end }}
{{- end }}

{{- define "gateway.checkKeda" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- $names := list }}
{{- if eq $values.routesFrom "elsewhere" }}
{{- include "gateway.problem" (list $found "keda.enabled" (printf "makes its triggers of `routes`, which %s replaces" (ternary "existingConfigMap" "existingSecret" (ne $values.existingConfigMap ""))) "keep one, or write a ScaledObject of your own") }}
{{- end }}
{{- range $at, $route := $values.routes }}
{{- $names = append $names $route.name }}
{{- if $route.kafka }}
{{- include "gateway.checkKedaTopic" (list $found $values $at $route) }}
{{- end }}
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

{{/* Names that Kubernetes or a registry would refuse. Call with (list found values). */}}
{{- define "gateway.checkNames" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- if regexMatch "^[0-9]" $values.fullnameOverride }}
{{- include "gateway.problem" (list $found "fullnameOverride" "begins with a digit, which the name of a Service may not" "put a letter before it") }}
{{- end }}
{{- range $sign := list "@" ":" }}
{{- if contains $sign $values.image.repository }}
{{- include "gateway.problem" (list $found "image.repository" (printf "has %q in it" $sign) "a tag belongs in image.tag, a digest in image.digest, a registry with its port in image.registry") }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where the routing file comes from. Call with (list found values). */}}
{{- define "gateway.checkSources" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- $named := list }}
{{- range list "existingConfigMap" "existingSecret" "routingFile" }}
{{- if get $values . }}{{ $named = append $named . }}{{ end }}
{{- end }}
{{- if gt (len $named) 1 }}
{{- include "gateway.problem" (list $found (last $named) (printf "is set beside %s" (first $named)) "a gateway has one routing file: keep one") }}
{{- end }}
{{- if and (eq $values.routesFrom "file") (not $values.routes) }}
{{- include "gateway.problem" (list $found "routingFile" "is no YAML with a list `routes`" "give the file's text: --set-file routingFile=routes.yaml; gateway check says more") }}
{{- end }}
{{- end }}

{{/*
A queue that is given by name, where nothing says in which region it is. Webhooks of EKS set AWS_REGION where there is
a role; what extraEnvFrom brings is not known here. Call with (list found values).
*/}}
{{- define "gateway.checkRegions" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- $told := or $values.aws.region $values.aws.roleArn $values.aws.podIdentity (hasKey $values.serviceAccount.annotations "eks.amazonaws.com/role-arn") (not $values.serviceAccount.create) (not (empty $values.extraEnvFrom)) }}
{{- range $values.extraEnv }}
{{- if has .name (list "AWS_REGION" "AWS_DEFAULT_REGION") }}{{ $told = true }}{{ end }}
{{- end }}
{{- if and (not $told) (ne $values.routesFrom "elsewhere") }}
{{- range $at, $route := $values.routes }}
{{- $queue := include "gateway.queue" (list $route.queue $route.region) | fromJson }}
{{- if and $queue (not $queue.url) (not $queue.region) (ne $queue.name "sqs-version-gateway-example") }}
{{- include "gateway.problem" (list $found (printf "routes[%d].queue" $at) (printf "is a name, %s, and nothing says in which region" $queue.name) "set aws.region, the route's region, or give the queue's URL") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a pod may have once: Kubernetes takes the last without a word, or refuses the pod. Call with (list found root). */}}
{{- define "gateway.checkTwice" -}}
{{- $found := index . 0 }}
{{- $root := index . 1 }}
{{- $values := $root.Values }}
{{- $always := dict "GATEWAY_CONFIG" "" "GATEWAY_ADMIN_HOST" "" "GATEWAY_ADMIN_PORT" "" "GATEWAY_DRAIN_SECONDS" "" "GATEWAY_LOG_LEVEL" "" "GATEWAY_LOG_FORMAT" "" "GATEWAY_SQS_CLIENT" "" }}
{{- $places := dict "AWS_REGION" "aws.region" "AWS_ENDPOINT_URL_SQS" "aws.endpointUrl" "AWS_ACCESS_KEY_ID" "aws.credentialsSecret" "AWS_SECRET_ACCESS_KEY" "aws.credentialsSecret" "AWS_SESSION_TOKEN" "aws.credentialsSecret" "GATEWAY_ADMIN_TOKEN" "admin.token" "GATEWAY_ADMIN_PROTECT_READS" "admin.protectReads" "GATEWAY_ADMIN_PROTECT_METRICS" "admin.protectMetrics" "GATEWAY_TCP_KEEPALIVE" "settings.tcpKeepalive" "GATEWAY_ALLOW_LINK_LOCAL" "settings.allowLinkLocal" "GATEWAY_STATE" "state" }}
{{- $seen := dict }}
{{- range include "gateway.env" $root | fromYamlArray }}{{ $_ := set $seen .name (get $places .name) }}{{ end }}
{{- range $at, $one := $values.extraEnv }}
{{- $place := printf "extraEnv[%d].name" $at }}
{{- if hasKey $always $one.name }}
{{- include "gateway.problem" (list $found $place (printf "%s is set by the chart" $one.name) "use `settings` or `admin.port`: probes and grace period go by them") }}
{{- else if hasKey $seen $one.name }}
{{- include "gateway.problem" (list $found $place (printf "%s is set by %s too" $one.name (get $seen $one.name)) "keep one") }}
{{- else }}
{{- $_ := set $seen $one.name (printf "extraEnv[%d]" $at) }}
{{- end }}
{{- end }}
{{- $mounts := dict "/etc/gateway" "the chart, for the routing file" }}
{{- range $at, $one := $values.extraVolumeMounts }}
{{- $path := clean $one.mountPath }}
{{- if hasKey $mounts $path }}
{{- include "gateway.problem" (list $found (printf "extraVolumeMounts[%d].mountPath" $at) (printf "%s is taken by %s" $path (get $mounts $path)) "mount it elsewhere") }}
{{- else }}
{{- $_ := set $mounts $path (printf "extraVolumeMounts[%d]" $at) }}
{{- end }}
{{- end }}
{{- include "gateway.checkNamedTwice" (list $found "extraVolumes" $values.extraVolumes (dict "routes" "the chart, for the routing file")) }}
{{- $containers := dict "gateway" "the gateway's own container" }}
{{- include "gateway.checkNamedTwice" (list $found "extraContainers" $values.extraContainers $containers) }}
{{- include "gateway.checkNamedTwice" (list $found "extraInitContainers" $values.extraInitContainers $containers) }}
{{- end }}

{{/* Call with (list found place entries taken); what is taken is noted. */}}
{{- define "gateway.checkNamedTwice" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $taken := index . 3 }}
{{- range $at, $one := index . 2 }}
{{- if hasKey $taken $one.name }}
{{- include "gateway.problem" (list $found (printf "%s[%d].name" $place $at) (printf "%s is the name of %s" $one.name (get $taken $one.name)) "give it another name") }}
{{- else }}
{{- $_ := set $taken $one.name (printf "%s[%d]" $place $at) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Kinds that the cluster does not know, where the values say that it must. Call with (list found root). */}}
{{- define "gateway.checkKinds" -}}
{{- $found := index . 0 }}
{{- range include "gateway.askedKinds" (index . 1) | fromJsonArray }}
{{- if and (not .has) (eq .mode "failIfMissing") }}
{{- include "gateway.problem" (list $found (printf "%s.renderMode" .place) (printf "is failIfMissing, and the cluster does not know the kind %s of %s" .kind .api) "install its operator, or say skipIfMissing") }}
{{- end }}
{{- end }}
{{- end }}
