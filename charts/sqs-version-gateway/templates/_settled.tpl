{{/*
What the templates read: the values, with the chart's default for each that is missing or null.
Helm fills gaps by itself, but not after `--reuse-values`, where the values are those of the release before, and not
where a parent chart says null. files/defaults.yaml is values.yaml without its comments: Helm shows templates
every file but that one.
*/}}

{{/*
Maps that go to Kubernetes as they are. Of these a key that is missing was taken out by somebody, with null.
The whole map is filled in where it is missing, null or empty.
*/}}
{{- define "gateway.passedOn" -}}
{{- list ".istio.proxyConfig" ".monitoring.dashboard.labels" ".podSecurityContext" ".probes.liveness" ".probes.readiness" ".probes.startup" ".resources" ".securityContext" ".strategy" ".test.resources" | toJson }}
{{- end }}

{{/* Puts settled values in the place of the given ones; prints nothing. Every template begins with it. */}}
{{- define "gateway.settle" -}}
{{- if not (hasKey . "Settled") }}
{{- $values := deepCopy (.Values | default dict) }}
{{- include "gateway.fill" (list $values (.Files.Get "files/defaults.yaml" | fromYaml) "" (include "gateway.passedOn" . | fromJsonArray)) }}
{{- include "gateway.settleRoutes" $values }}
{{- include "gateway.settleSecurity" (list . $values) }}
{{- $_ := set $values "resources" (include "gateway.compact" $values.resources | fromJson) }}
{{- $_ := set . "Values" $values }}
{{- $_ := set . "Settled" true }}
{{- end }}
{{- end }}

{{/* Fills `values` in place. Call with (list values defaults place passedOn). */}}
{{- define "gateway.fill" -}}
{{- $values := index . 0 }}
{{- $at := index . 2 }}
{{- $passedOn := index . 3 }}
{{- range $key, $default := index . 1 }}
{{- $place := printf "%s.%s" $at $key }}
{{- $given := get $values $key }}
{{- if or (not (hasKey $values $key)) (kindIs "invalid" $given) }}
{{- $_ := set $values $key $default }}
{{- else if and (kindIs "map" $default) (kindIs "map" $given) }}
{{- if has $place $passedOn }}
{{- if not $given }}{{ $_ := set $values $key $default }}{{ end }}
{{- else }}
{{- include "gateway.fill" (list $given $default $place $passedOn) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Tells where the routes come from (`routesFrom`: values, file, or elsewhere), and puts those of `routingFile` in the
place of `routes`. Call with the values.
*/}}
{{- define "gateway.settleRoutes" -}}
{{- $_ := set . "routesFrom" "values" }}
{{- if or .existingConfigMap .existingSecret }}
{{- $_ := set . "routesFrom" "elsewhere" }}
{{- else if .routingFile }}
{{- $_ := set . "routesFrom" "file" }}
{{- $routes := list }}
{{- $file := .routingFile | fromYaml }}
{{- if and (kindIs "map" $file) (kindIs "slice" $file.routes) }}
{{- range $file.routes }}
{{- if kindIs "map" . }}{{ if and (kindIs "string" .name) (or (kindIs "string" .queue) (kindIs "map" .kafka)) }}{{ $routes = append $routes . }}{{ end }}{{ end }}
{{- end }}
{{- end }}
{{- $_ := set . "routes" $routes }}
{{- end }}
{{- end }}

{{/* Prints JSON of a map without what is null, "", or an empty map or list, at any depth. */}}
{{- define "gateway.compact" -}}
{{- $kept := dict }}
{{- range $key, $value := . }}
{{- if kindIs "map" $value }}{{ $value = include "gateway.compact" $value | fromJson }}{{ end }}
{{- if not (or (kindIs "invalid" $value) (and (kindIs "string" $value) (eq (toString $value) "")) (and (or (kindIs "map" $value) (kindIs "slice" $value)) (empty $value))) }}
{{- $_ := set $kept $key $value }}
{{- end }}
{{- end }}
{{- toJson $kept }}
{{- end }}

{{/* Leaves out empty values, and on OpenShift the ids, which it chooses itself. Call with (list root values). */}}
{{- define "gateway.settleSecurity" -}}
{{- $values := index . 1 }}
{{- $openshift := or (eq $values.openshift "force") (and (eq $values.openshift "auto") ((index . 0).Capabilities.APIVersions.Has "security.openshift.io/v1")) }}
{{- range list "podSecurityContext" "securityContext" }}
{{- $context := include "gateway.compact" (get $values .) | fromJson }}
{{- if $openshift }}{{ $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}{{ end }}
{{- $_ := set $values . $context }}
{{- end }}
{{- end }}
