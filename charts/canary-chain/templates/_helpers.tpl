{{/* The gateway's route that feeds B, as JSON. */}}
{{- define "chain.route" -}}
{{- range list "existingConfigMap" "existingSecret" "routingFile" -}}
{{- if get $.Values.gateway . -}}
{{- fail (printf "values: gateway.%s: leave it empty here: the mesh takes its weights from gateway.routes, and would not see yours" .) -}}
{{- end -}}
{{- end -}}
{{- $found := dict -}}
{{- $names := list -}}
{{- range .Values.gateway.routes -}}
{{- $names = append $names .name -}}
{{- if eq .name $.Values.route }}{{ $found = . }}{{ end -}}
{{- end -}}
{{- if not $found -}}
{{- fail (printf "values: route: no route is called %q (gateway.routes has: %s)" .Values.route (join ", " $names)) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Both versions of that route: {stable: {name, tag, weight}, canary: {...}}, as JSON. */}}
{{- define "chain.versions" -}}
{{- $route := include "chain.route" . | fromJson -}}
{{- $place := printf "values: gateway.routes: %s" $route.name -}}
{{- if ne (len $route.versions) 2 -}}
{{- fail (printf "%s: the chain has two versions of B, not %d" $place (len $route.versions)) -}}
{{- end -}}
{{- $stable := required (printf "%s: stable: say which version is the stable one, since Helm loses the order of keys" $place) ($route.stable | default (ternary "stable" "" (hasKey $route.versions "stable"))) -}}
{{- if not (hasKey $route.versions $stable) -}}
{{- fail (printf "%s: stable: no version is called %q" $place $stable) -}}
{{- end -}}
{{- $canary := index (without (keys $route.versions) $stable) 0 -}}
{{- $split := $route.split | default (dict $stable 100) -}}
{{- range $name, $_ := $split -}}
{{- if not (hasKey $route.versions $name) }}{{ fail (printf "%s: split: no version is called %q" $place $name) }}{{ end -}}
{{- end -}}
{{- $out := dict -}}
{{- range $role, $name := dict "stable" $stable "canary" $canary -}}
{{- $version := get $route.versions $name -}}
{{- if kindIs "string" $version }}{{ $version = dict "url" $version }}{{ end -}}
{{- $service := ternary "b" "b1" (eq $role "stable") -}}
{{- if not (regexMatch (printf "^http://%s(\\.[a-z0-9.-]+)?:%d/events$" $service (int $.Values.port)) $version.url) -}}
{{- fail (printf "%s: versions: %s: url: is %s, but this version is the Service %s (http://%s:%d/events)" $place $name $version.url $service $service (int $.Values.port)) -}}
{{- end -}}
{{- $tag := $version.tag | default $name -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" $tag) -}}
{{- fail (printf "%s: versions: %s: tag: %q names a subset of the mesh too: lower-case letters, digits and dashes" $place $name $tag) -}}
{{- end -}}
{{- $_ := set $out $role (dict "name" $name "tag" $tag "weight" (int (get $split $name | default 0))) -}}
{{- end -}}
{{- toJson $out -}}
{{- end -}}

{{/* The six services by name: {app, version, next}, as JSON. B and B1 call the same URL: which C answers is the mesh's business. */}}
{{- define "chain.services" -}}
{{- $versions := include "chain.versions" . | fromJson -}}
{{- $v1 := $versions.stable.tag -}}
{{- $v2 := $versions.canary.tag -}}
{{- $port := int .Values.port -}}
{{- dict
  "a" (dict "app" "a" "version" $v1 "next" (printf "http://b:%d/events" $port))
  "b" (dict "app" "b" "version" $v1 "next" (printf "http://c:%d/events" $port))
  "b1" (dict "app" "b" "version" $v2 "next" (printf "http://c:%d/events" $port))
  "c" (dict "app" "c" "version" $v1 "next" (printf "http://d:%d/events" $port))
  "c1" (dict "app" "c" "version" $v2 "next" (printf "http://d:%d/events" $port))
  "d" (dict "app" "d" "version" $v1) | toJson -}}
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

{{/* The emulator's init script: a queue for each route. */}}
{{- define "chain.queues" -}}
#!/bin/bash
set -e
{{- range .Values.gateway.routes }}
{{- $queue := regexReplaceAll ".*[/:]" .queue "" }}
awslocal sqs create-queue --queue-name {{ $queue }}{{ if hasSuffix ".fifo" $queue }} --attributes FifoQueue=true{{ end }}
{{- end }}
{{- end -}}
