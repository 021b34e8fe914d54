{{/* Prints `http` or `queues`: how B, B1, C and C1 get their messages. */}}
{{- define "chain.mode" -}}
{{- dig "mode" "http" (.Values.chain | default dict) | default "http" -}}
{{- end -}}

{{/*
The route of the gateway that a value names, as JSON. Takes the root, and the value's key:
`route` feeds B, `secondRoute` feeds C.
*/}}
{{- define "chain.routeAt" -}}
{{- range list "existingConfigMap" "existingSecret" "routingFile" -}}
{{- if get $.root.Values.gateway . -}}
{{- fail (printf "values: gateway.%s: leave it empty here: the mesh takes its weights from gateway.routes, and would not see yours" .) -}}
{{- end -}}
{{- end -}}
{{- $name := get .root.Values .key -}}
{{- $found := dict -}}
{{- $names := list -}}
{{- range .root.Values.gateway.routes -}}
{{- $names = append $names .name -}}
{{- if eq .name $name }}{{ $found = . }}{{ end -}}
{{- end -}}
{{- if not $found -}}
{{- fail (printf "values: %s: no route is called %q (gateway.routes has: %s)" .key $name (join ", " $names)) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/*
Refuses a route that follows something else than the VirtualService b. Takes the root, the value that
names the route, its place in words, and its `follow`.
*/}}
{{- define "chain.checkFollow" -}}
{{- $own := list "b" (printf "%s/b" .root.Release.Namespace) -}}
{{- if ne .key "route" -}}
{{- fail (printf "%s: follow: no object of the mesh decides who gets what is for C: remove it" .place) -}}
{{- else if eq (include "chain.mode" .root) "queues" -}}
{{- fail (printf "%s: follow: no service is called in chain.mode queues, so there is no VirtualService b: give the route a split" .place) -}}
{{- else if not .root.Values.mesh.enabled -}}
{{- fail (printf "%s: follow: there is no VirtualService b without mesh.enabled: give the route a split" .place) -}}
{{- else if not (has .follow.virtualService $own) -}}
{{- fail (printf "%s: follow: needs virtualService: b, which the chain makes" .place) -}}
{{- end -}}
{{- end -}}

{{/*
One hop as JSON: {name, queue, follows, stable: {name, tag, weight, queue}, canary: {...}}. Takes the
root, the value that names the route, and the two services that its versions are.
*/}}
{{- define "chain.hop" -}}
{{- $route := include "chain.routeAt" . | fromJson -}}
{{- $mode := include "chain.mode" .root -}}
{{- $port := int .root.Values.port -}}
{{- $services := dict "stable" .stable "canary" .canary -}}
{{- $place := printf "values: gateway.routes: %s" $route.name -}}
{{- if ne (len $route.versions) 2 -}}
{{- fail (printf "%s: the chain has two versions of %s, not %d" $place (upper .stable) (len $route.versions)) -}}
{{- end -}}
{{- $stable := required (printf "%s: stable: say which version is the stable one, since Helm loses the order of keys" $place) ($route.stable | default (ternary "stable" "" (hasKey $route.versions "stable"))) -}}
{{- if not (hasKey $route.versions $stable) -}}
{{- fail (printf "%s: stable: no version is called %q" $place $stable) -}}
{{- end -}}
{{- $canary := index (without (keys $route.versions) $stable) 0 -}}
{{- $split := $route.split | default (dict $stable 100) -}}
{{- $weights := printf "%s: split" $place -}}
{{- $follows := hasKey $route "follow" -}}
{{- if $follows -}}
{{- include "chain.checkFollow" (dict "root" .root "key" .key "place" $place "follow" ($route.follow | default dict)) -}}
{{- $split = .root.Values.mesh.split | default (dict $stable 100) -}}
{{- $weights = "values: mesh.split" -}}
{{- $sum := 0 -}}
{{- range $split }}{{ $sum = add $sum . }}{{ end -}}
{{- if not $sum }}{{ fail "values: mesh.split: all weights are 0: one version has to get something" }}{{ end -}}
{{- else if and .root.Values.mesh.split (eq .key "route") -}}
{{- fail (printf "values: mesh.split: does nothing: the weights are gateway.routes: %s: split, until that route has follow: {virtualService: b}" $route.name) -}}
{{- end -}}
{{- range $name, $_ := $split -}}
{{- if not (hasKey $route.versions $name) }}{{ fail (printf "%s: no version is called %q" $weights $name) }}{{ end -}}
{{- end -}}
{{- $out := dict "name" $route.name "queue" $route.queue "follows" $follows -}}
{{- range $role, $name := dict "stable" $stable "canary" $canary -}}
{{- $version := get $route.versions $name -}}
{{- if kindIs "string" $version }}{{ $version = dict "url" $version }}{{ end -}}
{{- $service := get $services $role -}}
{{- $at := printf "%s: versions: %s" $place $name -}}
{{- if eq $mode "queues" -}}
{{- if not $version.queue -}}
{{- fail (printf "%s: needs the queue that the service %s polls, since chain.mode is queues" $at $service) -}}
{{- end -}}
{{- else if not (regexMatch (printf "^http://%s(\\.[a-z0-9.-]+)?:%d/events$" $service $port) ($version.url | default "")) -}}
{{- fail (printf "%s: url: is %s, but this version is the Service %s (http://%s:%d/events)" $at ($version.url | default "missing") $service $service $port) -}}
{{- end -}}
{{- $tag := $version.tag | default $name -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" $tag) -}}
{{- fail (printf "%s: tag: %q names a subset of the mesh too: lower-case letters, digits and dashes" $at $tag) -}}
{{- end -}}
{{- $_ := set $out $role (dict "name" $name "tag" $tag "weight" (int (get $split $name | default 0)) "queue" ($version.queue | default "")) -}}
{{- end -}}
{{- toJson $out -}}
{{- end -}}

{{/* The hop to B, as JSON. */}}
{{- define "chain.first" -}}
{{- include "chain.hop" (dict "root" . "key" "route" "stable" "b" "canary" "b1") -}}
{{- end -}}

{{/* The hop to C by its own queue, as JSON; `null` where B and B1 call C. */}}
{{- define "chain.second" -}}
{{- if not .Values.secondRoute -}}
null
{{- else -}}
{{- if eq .Values.secondRoute .Values.route -}}
{{- fail (printf "values: secondRoute: %q feeds B already: C needs a route of its own" .Values.secondRoute) -}}
{{- end -}}
{{- $first := include "chain.first" . | fromJson -}}
{{- $second := include "chain.hop" (dict "root" . "key" "secondRoute" "stable" "c" "canary" "c1") | fromJson -}}
{{- range $role := list "stable" "canary" -}}
{{- $tag := (get $first $role).tag -}}
{{- $other := get $second $role -}}
{{- if ne $tag $other.tag -}}
{{- fail (printf "values: gateway.routes: %s: versions: %s: tag: is %q, but %q in route %s: one version has one tag on both hops" $second.name $other.name $other.tag $tag $first.name) -}}
{{- end -}}
{{- end -}}
{{- toJson $second -}}
{{- end -}}
{{- end -}}

{{/*
The name of a service's session at AWS, by which the gateway knows the version of what it sends.
Takes the service's name and its version.
*/}}
{{- define "chain.session" -}}
{{- $session := printf "%s,version=%s" .name .version -}}
{{- if gt (len $session) 64 -}}
{{- fail (printf "values: gateway.routes: tag %q is too long: %s is the name of a session at AWS, which has at most 64 characters" .version $session) -}}
{{- end -}}
{{- $session -}}
{{- end -}}

{{/*
The six services by name, as JSON: {app, version, queue, poll, next, nextQueue, session}, each where it
has one. B and B1 pass on to the same place: which C gets it is decided there. One with `poll` gets
no calls.
*/}}
{{- define "chain.services" -}}
{{- $first := include "chain.first" . | fromJson -}}
{{- $second := include "chain.second" . | fromJson -}}
{{- $pulls := eq (include "chain.mode" .) "queues" -}}
{{- $v1 := $first.stable.tag -}}
{{- $v2 := $first.canary.tag -}}
{{- $port := int .Values.port -}}
{{- $a := dict "app" "a" "version" $v1 "queue" $first.queue -}}
{{- $b := dict "app" "b" "version" $v1 -}}
{{- $b1 := dict "app" "b" "version" $v2 -}}
{{- $c := dict "app" "c" "version" $v1 "next" (printf "http://d:%d/events" $port) -}}
{{- $c1 := dict "app" "c" "version" $v2 "next" (printf "http://d:%d/events" $port) -}}
{{- if $pulls -}}
{{- $_ := set $b "poll" $first.stable.queue -}}
{{- $_ := set $b1 "poll" $first.canary.queue -}}
{{- else -}}
{{- $_ := set $a "next" (printf "http://b:%d/events" $port) -}}
{{- end -}}
{{- range list $b $b1 -}}
{{- if $second -}}
{{- $_ := set . "nextQueue" $second.queue -}}
{{- else -}}
{{- $_ := set . "next" (printf "http://c:%d/events" $port) -}}
{{- end -}}
{{- end -}}
{{- if and $pulls $second -}}
{{- $_ := set $c "poll" $second.stable.queue -}}
{{- $_ := set $c1 "poll" $second.canary.queue -}}
{{- end -}}
{{- range $name, $service := dict "b" $b "b1" $b1 "c" $c "c1" $c1 -}}
{{- if or $service.poll $service.nextQueue -}}
{{- $_ := set $service "session" (include "chain.session" (dict "name" $name "version" $service.version)) -}}
{{- end -}}
{{- end -}}
{{- dict "a" $a "b" $b "b1" $b1 "c" $c "c1" $c1 "d" (dict "app" "d" "version" $v1) | toJson -}}
{{- end -}}

{{/*
The environment of a service that speaks with AWS: that of the values, and its session's name. The
emulator knows no sessions: there the access key id is what SQS would say of the sender.
Takes the root and the service's session ("" for A).
*/}}
{{- define "chain.env" -}}
{{- $env := list -}}
{{- range .root.Values.env -}}
{{- if not $.session -}}
{{- $env = append $env . -}}
{{- else if and $.root.Values.emulator.enabled (eq .name "AWS_ACCESS_KEY_ID") -}}
{{- $env = append $env (dict "name" .name "value" (printf "AROAEMULATED:%s" $.session)) -}}
{{- else if ne .name "AWS_ROLE_SESSION_NAME" -}}
{{- $env = append $env . -}}
{{- end -}}
{{- end -}}
{{- with .session -}}
{{- $env = append $env (dict "name" "AWS_ROLE_SESSION_NAME" "value" .) -}}
{{- end -}}
{{- if $env }}{{ toYaml $env }}{{ end -}}
{{- end -}}

{{- define "chain.labels" -}}
app.kubernetes.io/part-of: canary-chain
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "chain.image" -}}
{{- $image := .Values.gateway.image -}}
{{- $repository := $image.repository -}}
{{- with dig "imageRegistry" "" (.Values.global | default dict) | default $image.registry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository -}}
{{- end -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $repository $image.digest | quote }}
{{- else -}}
{{ printf "%s:%s" $repository ($image.tag | default .Chart.AppVersion) | quote }}
{{- end -}}
{{- end -}}

{{- define "chain.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "chain.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Every queue that a route reads or forwards to, by name, as JSON. */}}
{{- define "chain.queueNames" -}}
{{- $queues := list -}}
{{- range .Values.gateway.routes -}}
{{- $queues = append $queues (regexReplaceAll ".*[/:]" .queue "") -}}
{{- range $name, $version := .versions -}}
{{- if and (kindIs "map" $version) (hasKey $version "queue") -}}
{{- $queues = append $queues (regexReplaceAll ".*[/:]" $version.queue "") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- uniq $queues | toJson -}}
{{- end -}}

{{/* The emulator's init script: every queue of the routes. */}}
{{- define "chain.queues" -}}
#!/bin/bash
set -e
{{- range include "chain.queueNames" . | fromJsonArray }}
awslocal sqs create-queue --queue-name {{ . }}{{ if hasSuffix ".fifo" . }} --attributes FifoQueue=true{{ end }}
{{- end }}
{{- end -}}
