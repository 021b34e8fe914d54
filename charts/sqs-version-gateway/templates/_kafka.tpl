{{/* What must fit together in routes that read a topic, in the words of gateway/config/checks/kafka.py and sources.py. */}}

{{/* Keys of the other kind of route. Call with (list found place route). */}}
{{- define "gateway.checkSource" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- if $route.kafka }}
{{- range list "region" "wait" "visibility" "linger" "unwrap" "deliver" }}
{{- if hasKey $route . }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place .) "is for a route with a `queue`, this one has a topic" "remove it") }}
{{- end }}
{{- end }}
{{- else }}
{{- range list "max_attempts" "when_behind" }}
{{- if hasKey $route . }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place .) "is for a route with `kafka`, this one has a queue" "remove it") }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $version := $route.versions }}
{{- if kindIs "map" $version }}
{{- $here := printf "%s.versions%s" $place (include "gateway.step" $name) }}
{{- if and $route.kafka (hasKey $version "queue") }}
{{- include "gateway.problem" (list $found (printf "%s.queue" $here) "is for a route with a `queue`, this one has a topic" "name a `topic`, or a `url`") }}
{{- else if and (not $route.kafka) (hasKey $version "topic") }}
{{- include "gateway.problem" (list $found (printf "%s.topic" $here) "is for a route with `kafka`, this one has a queue" "name a `queue`, or a `url`") }}
{{- end }}
{{- if and $route.kafka (ne ($version.attributes_header | default "none") "none") }}
{{- include "gateway.problem" (list $found (printf "%s.attributes_header" $here) "is for a route with a `queue`, this one has a topic" "remove it") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What does not fit together in a route that reads a topic. Call with (list found place route). */}}
{{- define "gateway.checkKafka" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- if $route.kafka }}
{{- include "gateway.checkSettings" (list $found (printf "%s.kafka.settings" $place) $route.kafka) }}
{{- include "gateway.checkReject" (list $found $place $route) }}
{{- include "gateway.checkBehind" (list $found $place $route) }}
{{- range $name, $version := $route.versions }}
{{- if kindIs "map" $version }}
{{- $here := printf "%s.versions%s" $place (include "gateway.step" $name) }}
{{- include "gateway.checkVersionTopic" (list $found (printf "%s.topic" $here) $version.topic $route) }}
{{- range $header := keys ($version.headers | default dict) | sortAlpha }}
{{- if hasPrefix "x-kafka-" (lower $header) }}
{{- include "gateway.problem" (list $found (printf "%s.headers%s" $here (include "gateway.step" $header)) "is a header that the gateway sets itself" "") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Settings that are the gateway's own, or would lose records. Call with (list found place kafka). */}}
{{- define "gateway.checkSettings" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $kafka := index . 2 }}
{{- $owned := dict "bootstrap.servers" "it is `brokers`" "metadata.broker.list" "it is `brokers`" "group.id" "it is `group`" "group.protocol" "it is `protocol`" "auto.offset.reset" "it is `start`" "isolation.level" "records of open and aborted transactions are never read" "partition.assignment.strategy" "it is cooperative-sticky; see `protocol`" "enable.auto.commit" "remove it" "enable.auto.offset.store" "remove it" }}
{{- $all := dict "acks" "all" "request.required.acks" "all" "enable.idempotence" "true" }}
{{- range $name, $value := $kafka.settings }}
{{- $here := printf "%s%s" $place (include "gateway.step" $name) }}
{{- if hasKey $owned $name }}
{{- include "gateway.problem" (list $found $here "is a setting that the gateway owns" (get $owned $name)) }}
{{- else if hasKey $all $name }}
{{- if not (has (toString $value) (list (get $all $name) (ternary "true" "-1" (eq $name "enable.idempotence")))) }}
{{- include "gateway.problem" (list $found $here (printf "must be %s, so that no record is lost" (get $all $name)) "remove it: that is the default") }}
{{- end }}
{{- else if and (eq ($kafka.protocol | default "classic") "consumer") (has $name (list "session.timeout.ms" "heartbeat.interval.ms" "group.protocol.type")) }}
{{- include "gateway.problem" (list $found $here "is the broker's to say with `protocol: consumer`" "remove it") }}
{{- else if and (eq ($kafka.auth | default "none") "msk-iam") (has $name (list "sasl.mechanism" "sasl.mechanisms" "security.protocol")) }}
{{- include "gateway.problem" (list $found $here "is set by `auth: msk-iam`" "remove one of the two") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gateway.checkReject" -}}
{{- $found := index . 0 }}
{{- $place := printf "%s.reject" (index . 1) }}
{{- $route := index . 2 }}
{{- $reject := $route.reject | default "" }}
{{- if eq $reject "" }}
{{- include "gateway.problem" (list $found $place "missing" "a dead-letter topic, or block") }}
{{- else if eq $reject "redrive" }}
{{- include "gateway.problem" (list $found $place "is for a queue, a topic has no redrive" "a topic, or block") }}
{{- else if ne $reject "block" }}
{{- include "gateway.checkTopicName" (list $found $place $reject) }}
{{- if eq $reject $route.kafka.topic }}
{{- include "gateway.problem" (list $found $place "is the route's own topic, so a rejected record would come back for ever" "name another topic, or say block") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gateway.checkBehind" -}}
{{- $found := index . 0 }}
{{- $place := printf "%s.when_behind" (index . 1) }}
{{- $route := index . 2 }}
{{- $parking := $route.when_behind | default "pause" }}
{{- if and (eq $parking "fallback") (eq ($route.kafka.order | default "key") "partition") }}
{{- include "gateway.problem" (list $found $place "would break the order of a partition" "say pause, or order: key") }}
{{- else if not (has $parking (list "pause" "fallback")) }}
{{- include "gateway.checkTopicName" (list $found $place $parking) }}
{{- if eq $parking $route.kafka.topic }}
{{- include "gateway.problem" (list $found $place "is the route's own topic" "name a topic of its own") }}
{{- else if and (eq $parking ($route.reject | default "")) (ne $parking "block") }}
{{- include "gateway.problem" (list $found $place "is the dead-letter topic" "name a topic of its own") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gateway.checkTopicName" -}}
{{- $name := index . 2 }}
{{- if or (not (regexMatch "^[A-Za-z0-9._-]{1,249}$" $name)) (has $name (list "." "..")) }}
{{- include "gateway.problem" (list (index . 0) (index . 1) "is not a topic name (1 to 249 of A-Z a-z 0-9 . _ -)" "") }}
{{- end }}
{{- end }}

{{/* A version's topic that its records must not go to. Call with (list found place topic route). */}}
{{- define "gateway.checkVersionTopic" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $topic := index . 2 | default "" }}
{{- $route := index . 3 }}
{{- if eq $topic "" }}
{{- else if eq $topic $route.kafka.topic }}
{{- include "gateway.problem" (list $found $place "is the route's own topic, so its records would come back for ever" "name the topic that the version reads") }}
{{- else if eq $topic ($route.reject | default "") }}
{{- include "gateway.problem" (list $found $place "is the route's dead-letter topic, so what was rejected would be handled" "name another topic here or in `reject`") }}
{{- else if eq $topic ($route.when_behind | default "") }}
{{- include "gateway.problem" (list $found $place "is the topic of `when_behind`, from which the gateway reads" "name another topic here or in `when_behind`") }}
{{- end }}
{{- end }}

{{/* Topics with two routes in one group, and circles of routes. Call with (list found routes). */}}
{{- define "gateway.checkTopics" -}}
{{- $found := index . 0 }}
{{- $routes := index . 1 }}
{{- $readers := dict }}
{{- $sources := dict }}
{{- range $at, $route := $routes }}
{{- if $route.kafka }}
{{- $first := $at }}
{{- range $broker := $route.kafka.brokers }}
{{- $place := printf "%s %s" $broker $route.kafka.topic }}
{{- if not (hasKey $sources $place) }}{{ $_ := set $sources $place $at }}{{ end }}
{{- $own := printf "%s %s" $place $route.kafka.group }}
{{- if not (hasKey $readers $own) }}{{ $_ := set $readers $own $at }}{{ end }}
{{- $first = min $first (get $readers $own) }}
{{- end }}
{{- if ne (int $first) (int $at) }}
{{- include "gateway.problem" (list $found (printf "routes[%d].kafka.topic" $at) (printf "is read by routes[%d] in the same group" (int $first)) "a topic has one route; tell records apart by rules") }}
{{- end }}
{{- end }}
{{- end }}
{{- $ways := dict }}
{{- range $at, $route := $routes }}
{{- $_ := set $ways (toString $at) (include "gateway.topicWays" (list $route $sources) | fromJson) }}
{{- end }}
{{- range $at, $_ := $routes }}
{{- range $name, $to := get $ways (toString $at) }}
{{- if ne $to (toString $at) }}
{{- $seen := dict }}
{{- include "gateway.reach" (list $ways $seen $to) }}
{{- if hasKey $seen (toString $at) }}
{{- include "gateway.problem" (list $found (printf "routes[%d].versions%s.topic" $at (include "gateway.step" $name)) (printf "leads back here by way of routes[%s], records would go round for ever" $to) "name another topic") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Prints JSON of the routes (their positions) that a route's versions lead to, by version. Call with (list route sources). */}}
{{- define "gateway.topicWays" -}}
{{- $route := index . 0 }}
{{- $sources := index . 1 }}
{{- $ways := dict }}
{{- if $route.kafka }}
{{- range $name, $version := $route.versions }}
{{- if kindIs "map" $version }}
{{- range $broker := $route.kafka.brokers }}
{{- $place := printf "%s %s" $broker ($version.topic | default "") }}
{{- if hasKey $sources $place }}{{ $_ := set $ways $name (get $sources $place | toString) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $ways }}
{{- end }}

{{/* Notes every route that one leads to, itself included. Call with (list ways seen at). */}}
{{- define "gateway.reach" -}}
{{- $ways := index . 0 }}
{{- $seen := index . 1 }}
{{- $at := index . 2 }}
{{- if not (hasKey $seen $at) }}
{{- $_ := set $seen $at true }}
{{- range $_, $to := get $ways $at }}
{{- include "gateway.reach" (list $ways $seen $to) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Prints JSON of the routes here that read a topic; none where the routes are elsewhere. */}}
{{- define "gateway.topicRoutes" -}}
{{- $routes := list }}
{{- if ne .Values.routesFrom "elsewhere" }}
{{- range .Values.routes }}
{{- if .kafka }}{{ $routes = append $routes . }}{{ end }}
{{- end }}
{{- end }}
{{- toJson $routes }}
{{- end }}

{{/* Prints JSON of the ports of all brokers. */}}
{{- define "gateway.brokerPorts" -}}
{{- $ports := list }}
{{- range include "gateway.topicRoutes" . | fromJsonArray }}
{{- range .kafka.brokers }}{{ $ports = append $ports (regexFind "[0-9]+$" . | int) }}{{ end }}
{{- end }}
{{- toJson ($ports | uniq) }}
{{- end }}

{{/* Prints the region that the names of a cluster's brokers have, as gateway/core/kafka/msk.py finds it. */}}
{{- define "gateway.mskRegion" -}}
{{- $pattern := "^.*\\.kafka(?:-serverless)?\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?(?::[0-9]+)?$" }}
{{- $region := "" }}
{{- range . }}
{{- if and (eq $region "") (regexMatch $pattern .) }}{{ $region = regexReplaceAll $pattern . "${1}" }}{{ end }}
{{- end }}
{{- $region }}
{{- end }}

{{/* Prints true where the settings of a route have credentials or TLS, which KEDA then needs too. Call with kafka. */}}
{{- define "gateway.kafkaIsSecured" -}}
{{- $protocol := get (.settings | default dict) "security.protocol" | default "plaintext" | toString | lower }}
{{- if and (ne $protocol "plaintext") (ne (.auth | default "none") "msk-iam") }}true{{ end }}
{{- end }}

{{/* Prints the KEDA trigger of a route that reads a topic. Call with (list root route). */}}
{{- define "gateway.kedaTopicTrigger" -}}
{{- $root := index . 0 }}
{{- $route := index . 1 }}
{{- $keda := $root.Values.keda }}
{{- $is := include "gateway.kedaTopic" (list $keda $route) | fromJson }}
{{- if $is.enabled }}
{{- $kafka := $route.kafka }}
{{- $msk := eq ($kafka.auth | default "none") "msk-iam" }}
- type: kafka
  name: {{ $route.name | quote }}
  metadata:
    bootstrapServers: {{ join "," $kafka.brokers | quote }}
    consumerGroup: {{ $kafka.group | quote }}
    topic: {{ $kafka.topic | quote }}
    lagThreshold: {{ $is.lagThreshold | int64 | quote }}
    activationLagThreshold: {{ $is.activationLagThreshold | int64 | quote }}
    offsetResetPolicy: {{ $kafka.start | quote }}
    {{- if $msk }}
    sasl: "oauthbearer"
    saslTokenProvider: "aws_msk_iam"
    tls: "enable"
    awsRegion: {{ include "gateway.mskRegion" $kafka.brokers | default $root.Values.aws.region | quote }}
    {{- end }}
  {{- $authentication := $is.authentication }}
  {{- if $msk }}
  {{- $authentication = $is.authentication | default $keda.authentication.existing | default (include "gateway.fullname" $root) }}
  {{- end }}
  {{- with $authentication }}
  authenticationRef:
    name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Prints JSON of what KEDA is to do for a route that reads a topic. Call with (list keda route). */}}
{{- define "gateway.kedaTopic" -}}
{{- $keda := index . 0 }}
{{- $route := index . 1 }}
{{- $own := get $keda.routes $route.name | default dict }}
{{- mergeOverwrite (dict "enabled" true "authentication" "") (deepCopy $keda.kafka) $own | toJson }}
{{- end }}

{{/* What KEDA would not be able to ask. Call with (list found values at route). */}}
{{- define "gateway.checkKedaTopic" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- $place := printf "routes[%d].kafka" (index . 2) }}
{{- $route := index . 3 }}
{{- $is := include "gateway.kedaTopic" (list $values.keda $route) | fromJson }}
{{- if $is.enabled }}
{{- if and (eq ($route.kafka.auth | default "none") "msk-iam") (not (or (include "gateway.mskRegion" $route.kafka.brokers) $values.aws.region)) }}
{{- include "gateway.problem" (list $found $place (printf "KEDA needs the region of the cluster of topic %s" $route.kafka.topic) "set aws.region") }}
{{- end }}
{{- if and (include "gateway.kafkaIsSecured" $route.kafka) (not $is.authentication) }}
{{- include "gateway.problem" (list $found $place (printf "KEDA needs the credentials of topic %s, which `settings` has for the gateway alone" $route.kafka.topic) (printf "name a TriggerAuthentication of yours in keda.routes.%s.authentication or keda.kafka.authentication" $route.name)) }}
{{- end }}
{{- end }}
{{- end }}
