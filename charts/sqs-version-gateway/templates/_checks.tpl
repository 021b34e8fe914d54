{{/*
What must fit together in `routes`, in the words of the gateway's own check (gateway/config/checks/routes.py).
The shapes of values are judged by values.schema.json before this runs. What needs the gateway itself
(regular expressions, JMESPath, files for TLS) is left to `python -m gateway check` and to its start.
*/}}

{{/* Notes a problem. Call with (list found place what hint). */}}
{{- define "gateway.problem" -}}
{{- $found := index . 0 }}
{{- $hint := index . 3 }}
{{- $told := printf "%s: %s%s" (index . 1) (index . 2) (ternary (printf " (%s)" $hint) "" (ne $hint "")) }}
{{- $_ := set $found "told" (append $found.told $told) }}
{{- end }}

{{/* Prints a word of the values as a problem shows it: on one line, cut, of a URL only that it is one. */}}
{{- define "gateway.quoted" -}}
{{- $text := regexReplaceAll "(?is)(https?://).+" . "${1}..." }}
{{- $characters := splitList "" $text }}
{{- if gt (len $characters) 60 }}{{ $text = printf "%s..." (slice $characters 0 60 | join "") }}{{ end }}
{{- toRawJson $text }}
{{- end }}

{{/* Prints a key as a step of a place. */}}
{{- define "gateway.step" -}}
{{- if regexMatch "^[A-Za-z0-9_-]{1,100}$" . }}.{{ . }}{{ else }}[{{ include "gateway.quoted" . }}]{{ end }}
{{- end }}

{{/* Fails with every problem of the values; prints nothing where there is none. */}}
{{- define "gateway.check" -}}
{{- $found := dict "told" list "allowLinkLocal" .Values.settings.allowLinkLocal }}
{{- if eq .Values.routesFrom "values" }}
{{- include "gateway.checkRoutes" (list $found .Values.routes) }}
{{- end }}
{{- include "gateway.checkValues" (list $found $) }}
{{- if not $found.told }}
{{- include "gateway.checkRegions" (list $found .Values) }}
{{- end }}
{{- with $found.told }}
{{- fail (printf "\n\n%s\n%d problem%s" (join "\n" .) (len .) (ternary "" "s" (eq (len .) 1))) }}
{{- end }}
{{- end }}

{{- define "gateway.checkRoutes" -}}
{{- $found := index . 0 }}
{{- $routes := index . 1 | default list }}
{{- if not $routes }}
{{- include "gateway.problem" (list $found "routes" "is empty" "needs at least one entry") }}
{{- end }}
{{- $names := dict }}
{{- $queues := dict }}
{{- range $at, $route := $routes }}
{{- $place := printf "routes[%d]" $at }}
{{- if hasKey $names $route.name }}
{{- include "gateway.problem" (list $found (printf "%s.name" $place) (printf "is the name of routes[%d] too" (get $names $route.name | int)) "") }}
{{- else }}
{{- $_ := set $names $route.name $at }}
{{- end }}
{{- with include "gateway.queue" (list $route.queue $route.region) | fromJson }}
{{- $first := include "gateway.firstSame" (list . $queues false) }}
{{- if ne $first "" }}
{{- include "gateway.problem" (list $found (printf "%s.queue" $place) (printf "is the queue of routes[%s] too" $first) "a queue has one route; tell messages apart by rules") }}
{{- end }}
{{- $_ := set $queues .name (append (get $queues .name | default list) (dict "at" $at "queue" .)) }}
{{- end }}
{{- include "gateway.checkRoute" (list $found $place $route) }}
{{- end }}
{{- include "gateway.checkCircles" (list $found $routes $queues) }}
{{- include "gateway.checkTopics" (list $found $routes) }}
{{- end }}

{{- define "gateway.checkRoute" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- $names := include "gateway.versionNames" $route | fromJsonArray }}
{{- $stable := include "gateway.stable" $route }}
{{- include "gateway.checkSource" (list $found $place $route) }}
{{- include "gateway.checkKafka" (list $found $place $route) }}
{{- if not $route.kafka }}
{{- include "gateway.checkQueues" (list $found $place $route) }}
{{- include "gateway.checkQueueVersions" (list $found $place $route) }}
{{- end }}
{{- include "gateway.checkDuration" (list $found (printf "%s.wait" $place) $route "wait" 0 20 false) }}
{{- include "gateway.checkDuration" (list $found (printf "%s.visibility" $place) $route "visibility" 1 43200 false) }}
{{- include "gateway.checkVersions" (list $found (printf "%s.versions" $place) $route.versions $names) }}
{{- if $route.stable }}
{{- include "gateway.checkVersionName" (list $found (printf "%s.stable" $place) $route.stable $names) }}
{{- else if not $stable }}
{{- include "gateway.problem" (list $found (printf "%s.versions" $place) "does not tell which one is stable, since Helm loses the order of keys" (printf "say stable: %s" (join " or stable: " $names))) }}
{{- end }}
{{- if and (eq ($route.deliver | default "body") "message") (eq ($route.unwrap | default "none") "none") }}
{{- include "gateway.problem" (list $found (printf "%s.deliver" $place) "does nothing without `unwrap`" "add unwrap: sns") }}
{{- end }}
{{- if hasKey $route "split" }}
{{- include "gateway.checkSplit" (list $found (printf "%s.split" $place) $route.split $names $stable) }}
{{- end }}
{{- include "gateway.checkRollouts" (list $found $place $route $names $stable) }}
{{- include "gateway.checkFollow" (list $found $place $route $names $stable) }}
{{- include "gateway.checkRules" (list $found (printf "%s.rules" $place) $route.rules $names $stable) }}
{{- with $route.mirror }}
{{- include "gateway.checkMirror" (list $found (printf "%s.mirror" $place) . $route.versions $names $stable) }}
{{- end }}
{{- include "gateway.checkLimit" (list $found $place $route) }}
{{- include "gateway.checkRetry" (list $found (printf "%s.retry" $place) ($route.retry | default dict)) }}
{{- end }}

{{/* A version that can get no copies, a share that cannot be had. Call with (list found place mirror versions names stable). */}}
{{- define "gateway.checkMirror" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $mirror := index . 2 }}
{{- $stable := index . 5 }}
{{- $version := get (index . 3) $mirror.to | default "" }}
{{- include "gateway.checkVersionName" (list $found (printf "%s.to" $place) $mirror.to (index . 4)) }}
{{- if and $stable (eq $mirror.to $stable) }}
{{- include "gateway.problem" (list $found (printf "%s.to" $place) "is the stable version" "name the version that is to be tried") }}
{{- else if and (kindIs "map" $version) (or (hasKey $version "queue") (hasKey $version "topic")) (not (hasKey $version "url")) }}
{{- include "gateway.problem" (list $found (printf "%s.to" $place) (printf "is a %s, and copies are POSTed" (ternary "queue" "topic" (hasKey $version "queue"))) "name a version with a `url`") }}
{{- end }}
{{- if ne (printf "%.2f" (float64 $mirror.percent) | float64) (float64 $mirror.percent) }}
{{- include "gateway.problem" (list $found (printf "%s.percent" $place) "has more than two decimals" "0.01 is the least, one message in 10,000") }}
{{- end }}
{{- include "gateway.checkDuration" (list $found (printf "%s.timeout" $place) $mirror "timeout" 0 300 true) }}
{{- end }}

{{/* A version that nobody has. Call with (list found place name names). */}}
{{- define "gateway.checkVersionName" -}}
{{- $name := index . 2 }}
{{- $names := index . 3 }}
{{- if not (has $name $names) }}
{{- $hint := include "gateway.meant" (dict "word" $name "known" $names "kind" "there are") }}
{{- include "gateway.problem" (list (index . 0) (index . 1) (printf "no version is called %s" (include "gateway.quoted" $name)) $hint) }}
{{- end }}
{{- end }}

{{/* Weights for nobody, or for none. Call with (list found place split names stable). */}}
{{- define "gateway.checkSplit" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $split := index . 2 }}
{{- $names := index . 3 }}
{{- $stable := index . 4 }}
{{- $sum := 0 }}
{{- $stranger := false }}
{{- range $name, $weight := $split }}
{{- $sum = add $sum (int64 $weight) }}
{{- if not (has $name $names) }}{{ $stranger = true }}{{ end }}
{{- include "gateway.checkVersionName" (list $found (printf "%s%s" $place (include "gateway.step" $name)) $name $names) }}
{{- end }}
{{- if $stranger }}
{{- else if and $stable (not (hasKey $split $stable)) }}
{{- include "gateway.problem" (list $found $place (printf "does not name the stable version, %s" $stable) (printf "add %s: %d" $stable (max 0 (sub 100 $sum)))) }}
{{- else if eq $sum 0 }}
{{- include "gateway.problem" (list $found $place "the weights add up to 0" "give one version at least a weight above 0") }}
{{- end }}
{{- end }}

{{/* Tags that are somebody's, headers that are there twice, TLS in vain. Call with (list found place versions names). */}}
{{- define "gateway.checkVersions" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $versions := index . 2 }}
{{- $owners := dict }}
{{- range $name := index . 3 }}
{{- $version := get $versions $name }}
{{- $here := printf "%s%s" $place (include "gateway.step" $name) }}
{{- if kindIs "string" $version }}
{{- include "gateway.checkLinkLocal" (list $found $here $version) }}
{{- else if kindIs "map" $version }}
{{- include "gateway.checkUrlOrQueue" (list $found $here $version) }}
{{- include "gateway.checkLimit" (list $found $here $version) }}
{{- with $version.url }}
{{- include "gateway.checkLinkLocal" (list $found (printf "%s.url" $here) .) }}
{{- end }}
{{- include "gateway.checkDuration" (list $found (printf "%s.timeout" $here) $version "timeout" 0 39600 true) }}
{{- with $version.tag }}
{{- if and (ne . $name) (hasKey $versions .) }}
{{- include "gateway.problem" (list $found (printf "%s.tag" $here) (printf "is the name of version %s" .) "a tag is for one version") }}
{{- else if hasKey $owners . }}
{{- include "gateway.problem" (list $found (printf "%s.tag" $here) (printf "is the tag of version %s too" (get $owners .)) "a tag is for one version") }}
{{- else }}
{{- $_ := set $owners . $name }}
{{- end }}
{{- end }}
{{- $headers := dict }}
{{- range $header := keys ($version.headers | default dict) | sortAlpha }}
{{- if hasKey $headers (lower $header) }}
{{- include "gateway.problem" (list $found (printf "%s.headers%s" $here (include "gateway.step" $header)) (printf "is the same header as %s" (get $headers (lower $header))) "case does not matter in header names") }}
{{- end }}
{{- $_ := set $headers (lower $header) $header }}
{{- end }}
{{- if hasKey $version "tls" }}
{{- if hasPrefix "http://" ($version.url | default "") }}
{{- include "gateway.problem" (list $found (printf "%s.tls" $here) "is for https URLs only" "write https:// in `url`, or remove it") }}
{{- end }}
{{- if not $version.tls }}
{{- include "gateway.problem" (list $found (printf "%s.tls" $here) "names no file" "ca, or certificate and key") }}
{{- end }}
{{- range $one, $other := dict "certificate" "key" "key" "certificate" }}
{{- if and (hasKey $version.tls $one) (not (hasKey $version.tls $other)) }}
{{- include "gateway.problem" (list $found (printf "%s.tls.%s" $here $one) (printf "needs a %s beside it" $other) (printf "add %s" $other)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Queues that are none, a region that the queue contradicts, a dead-letter queue that is the queue. */}}
{{- define "gateway.checkQueues" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- $isNone := "is not a queue name (80 of A-Z a-z 0-9 _ -, FIFO with .fifo), URL or ARN" }}
{{- $queue := include "gateway.queue" (list $route.queue "") | fromJson }}
{{- $reject := $route.reject | default "redrive" }}
{{- $letters := include "gateway.queueBeside" (list $reject $queue) | fromJson }}
{{- if not $queue }}
{{- include "gateway.problem" (list $found (printf "%s.queue" $place) $isNone "") }}
{{- end }}
{{- if not $letters }}
{{- include "gateway.problem" (list $found (printf "%s.reject" $place) $isNone "") }}
{{- end }}
{{- if $queue }}
{{- if and $route.region $queue.region (ne $route.region $queue.region) }}
{{- include "gateway.problem" (list $found (printf "%s.region" $place) (printf "contradicts the queue, which is in %s" $queue.region) "") }}
{{- end }}
{{- if $letters }}
{{- if include "gateway.sameQueue" (list $letters $queue false) }}
{{- include "gateway.problem" (list $found (printf "%s.reject" $place) "is the route's own queue, so a rejected message would come back for ever" "name another queue, or say redrive") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A duration out of bounds. Call with (list found place part key low high aboveLow). */}}
{{- define "gateway.checkDuration" -}}
{{- $part := index . 2 }}
{{- $key := index . 3 }}
{{- if hasKey $part $key }}
{{- $low := index . 4 }}
{{- $high := index . 5 }}
{{- $aboveLow := index . 6 }}
{{- $seconds := include "gateway.seconds" (get $part $key) | float64 }}
{{- if or (lt $seconds (float64 $low)) (gt $seconds (float64 $high)) (and $aboveLow (eq $seconds (float64 $low))) }}
{{- $span := ternary "must be above %s and at most %s" "must be %s to %s" $aboveLow }}
{{- include "gateway.problem" (list (index . 0) (index . 1) (printf $span (include "gateway.shown" $low) (include "gateway.shown" $high)) "") }}
{{- end }}
{{- end }}
{{- end }}

{{/* The bounds of a limit that finds itself, of a route or version. Call with (list found place owner). */}}
{{- define "gateway.checkLimit" -}}
{{- $limit := (index . 2).max_in_flight }}
{{- if kindIs "map" $limit }}
{{- $place := printf "%s.max_in_flight" (index . 1) }}
{{- $low := int (ternary $limit.min 10 (hasKey $limit "min")) }}
{{- $high := int (ternary $limit.max 2000 (hasKey $limit "max")) }}
{{- if gt $low $high }}
{{- if not (hasKey $limit "max") }}
{{- include "gateway.problem" (list (index . 0) (printf "%s.min" $place) "is above max, which is 2,000 by default" "set max too") }}
{{- else if not (hasKey $limit "min") }}
{{- include "gateway.problem" (list (index . 0) (printf "%s.max" $place) "is below min, which is 10 by default" "set min too") }}
{{- else }}
{{- include "gateway.problem" (list (index . 0) (printf "%s.min" $place) "is above max" "") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gateway.checkRetry" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $retry := index . 2 }}
{{- include "gateway.checkDuration" (list $found (printf "%s.min" $place) $retry "min" 0 43200 true) }}
{{- include "gateway.checkDuration" (list $found (printf "%s.max" $place) $retry "max" 0 43200 true) }}
{{- $low := include "gateway.seconds" (ternary $retry.min "2s" (hasKey $retry "min")) | float64 }}
{{- $high := include "gateway.seconds" (ternary $retry.max "5m" (hasKey $retry "max")) | float64 }}
{{- if gt $low $high }}
{{- if not (hasKey $retry "max") }}
{{- include "gateway.problem" (list $found (printf "%s.min" $place) "is above max, which is 5m by default" "set max too") }}
{{- else if not (hasKey $retry "min") }}
{{- include "gateway.problem" (list $found (printf "%s.max" $place) "is below min, which is 2s by default" "set min too") }}
{{- else }}
{{- include "gateway.problem" (list $found (printf "%s.min" $place) "is above max" "") }}
{{- end }}
{{- end }}
{{- end }}
