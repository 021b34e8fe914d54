{{/* What must fit together where versions are queues, in the words of gateway/config/checks/queue_versions.py. */}}

{{/*
Prints true where two addresses may only mean one queue, as gateway/config/checks/queues.py has it.
`loose`: of two names alone, one without a region is the same as the other. Call with (list one other loose).
*/}}
{{- define "gateway.sameQueue" -}}
{{- $one := index . 0 }}
{{- $other := index . 1 }}
{{- if eq $one.name $other.name }}
{{- $open := or (eq $one.region "") (eq $other.region "") }}
{{- $names := list (eq $one.account "") (eq $other.account "") }}
{{- if and (first $names) (last $names) }}
{{- if or (eq $one.region $other.region) (and (index . 2) $open) }}true{{ end }}
{{- else if or (first $names) (last $names) }}
{{- if or (eq $one.region $other.region) $open }}true{{ end }}
{{- else if eq (include "gateway.queueIdentity" $one) (include "gateway.queueIdentity" $other) }}true
{{- end }}
{{- end }}
{{- end }}

{{/*
Prints the first place of a queue among queues by name, "" for none. Call with (list queue byName loose);
byName has lists of dicts with `at` and `queue`.
*/}}
{{- define "gateway.firstSame" -}}
{{- $queue := index . 0 }}
{{- $loose := index . 2 }}
{{- $first := "" }}
{{- range get (index . 1) $queue.name | default list }}
{{- if eq $first "" }}
{{- if include "gateway.sameQueue" (list .queue $queue $loose) }}{{ $first = toString .at }}{{ end }}
{{- end }}
{{- end }}
{{- $first }}
{{- end }}

{{/* Prints JSON of another queue of a route; a name alone is in the region of the route's. Call with (list text source). */}}
{{- define "gateway.queueBeside" -}}
{{- $queue := include "gateway.queue" (list (index . 0) "") | fromJson }}
{{- $source := index . 1 }}
{{- if and $queue $source }}
{{- if eq $queue.account "" }}{{ $_ := set $queue "region" $source.region }}{{ end }}
{{- end }}
{{- toJson $queue }}
{{- end }}

{{/* What a version has too much or too little of. Call with (list found place version). */}}
{{- define "gateway.checkUrlOrQueue" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $version := index . 2 }}
{{- $given := list }}
{{- range list "url" "queue" "topic" }}
{{- if hasKey $version . }}{{ $given = append $given . }}{{ end }}
{{- end }}
{{- if gt (len $given) 1 }}
{{- include "gateway.problem" (list $found $place (printf "has both `%s` and `%s`" (index $given 0) (index $given 1)) "keep one") }}
{{- else if not $given }}
{{- include "gateway.problem" (list $found $place "needs `url` or `queue`" "where its messages go") }}
{{- else }}
{{- $kind := first $given }}
{{- $isOne := printf "this one is a %s" (ternary "URL" $kind (eq $kind "url")) }}
{{- if ne $kind "url" }}
{{- range list "headers" "max_header_bytes" "attributes_header" "client" "tls" "connection_lifetime" }}
{{- if hasKey $version . }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place .) (printf "is for a version with a `url`, %s" $isOne) "remove it") }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (ne $kind "queue") (hasKey $version "max_depth") }}
{{- include "gateway.problem" (list $found (printf "%s.max_depth" $place) (printf "is for a version with a `queue`, %s" $isOne) "remove it") }}
{{- end }}
{{- end }}
{{- end }}

{{/* Version queues that are none, or do not fit to the route's own queues. Call with (list found place route). */}}
{{- define "gateway.checkQueueVersions" -}}
{{- $found := index . 0 }}
{{- $route := index . 2 }}
{{- $source := include "gateway.queue" (list $route.queue "") | fromJson }}
{{- $reject := $route.reject | default "redrive" }}
{{- $letters := dict }}
{{- if ne $reject "redrive" }}{{ $letters = include "gateway.queueBeside" (list $reject $source) | fromJson }}{{ end }}
{{- range $name, $version := $route.versions }}
{{- if kindIs "map" $version }}
{{- if hasKey $version "queue" }}
{{- $here := printf "%s.versions%s.queue" (index $ 1) (include "gateway.step" $name) }}
{{- $queue := include "gateway.queueBeside" (list $version.queue $source) | fromJson }}
{{- if not $queue }}
{{- include "gateway.problem" (list $found $here "is not a queue name (80 of A-Z a-z 0-9 _ -, FIFO with .fifo), URL or ARN" "") }}
{{- else }}
{{- if $source }}
{{- $fifo := hasSuffix ".fifo" $queue.name }}
{{- if include "gateway.sameQueue" (list $queue $source false) }}
{{- include "gateway.problem" (list $found $here "is the route's own queue, so its messages would come back for ever" "name the queue that the version polls") }}
{{- else if and $fifo (not (hasSuffix ".fifo" $source.name)) }}
{{- include "gateway.problem" (list $found $here "is a FIFO queue, but the route's queue is not" "its messages have no group; name a standard queue") }}
{{- else if and (not $fifo) (hasSuffix ".fifo" $source.name) }}
{{- include "gateway.problem" (list $found $here "is no FIFO queue, but the route's queue is one" "the order would be lost; name a queue that ends in .fifo") }}
{{- end }}
{{- end }}
{{- if $letters }}
{{- if include "gateway.sameQueue" (list $queue $letters false) }}
{{- include "gateway.problem" (list $found $here "is the route's dead-letter queue, so what was rejected would be handled" "name another queue here or in `reject`") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Version queues by which messages come back. Call with (list found routes byName). */}}
{{- define "gateway.checkCircles" -}}
{{- $ways := dict }}
{{- $byName := index . 2 }}
{{- range $at, $route := index . 1 }}
{{- $source := include "gateway.queue" (list $route.queue $route.region) | fromJson }}
{{- $own := list }}
{{- range $name := include "gateway.versionNames" $route | fromJsonArray }}
{{- $version := get $route.versions $name }}
{{- if kindIs "map" $version }}
{{- if hasKey $version "queue" }}
{{- with include "gateway.queueBeside" (list $version.queue $source) | fromJson }}
{{- $to := include "gateway.firstSame" (list . $byName true) }}
{{- if and (ne $to "") (ne $to (toString $at)) }}
{{- $own = append $own (dict "place" (printf "routes[%d].versions%s.queue" $at (include "gateway.step" $name)) "to" $to) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set $ways (toString $at) $own }}
{{- end }}
{{- $done := dict }}
{{- range $at, $_ := index . 1 }}
{{- if not (hasKey $done (toString $at)) }}
{{- include "gateway.circlesFrom" (list (index $ 0) $ways $done (list (toString $at))) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Looks from the last route of a trail (depth first). Call with (list found ways done trail). */}}
{{- define "gateway.circlesFrom" -}}
{{- $found := index . 0 }}
{{- $ways := index . 1 }}
{{- $done := index . 2 }}
{{- $trail := index . 3 }}
{{- range get $ways (last $trail) }}
{{- if has .to $trail }}
{{- $to := .to }}
{{- $steps := list }}
{{- range $trail }}
{{- if or $steps (eq . $to) }}{{ $steps = append $steps (printf "routes[%s]" .) }}{{ end }}
{{- end }}
{{- $named := $steps }}
{{- if gt (len $steps) 10 }}{{ $named = append (slice $steps 0 10) "..." }}{{ end }}
{{- include "gateway.problem" (list $found .place (printf "closes a circle, messages would go round for ever: %s to %s" (join " to " $named) (first $steps)) "name a queue that does not lead back here") }}
{{- else if not (hasKey $done .to) }}
{{- include "gateway.circlesFrom" (list $found $ways $done (append $trail .to)) }}
{{- end }}
{{- end }}
{{- $_ := set $done (last $trail) true }}
{{- end }}
