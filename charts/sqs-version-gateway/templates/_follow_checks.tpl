{{/* What must fit together in `follow` and `subset`, in the words of gateway/config/checks/follow.py. */}}

{{/* Call with (list found place route names stable). */}}
{{- define "gateway.checkFollow" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- $names := index . 3 }}
{{- $stable := index . 4 }}
{{- if hasKey $route "follow" }}
{{- $follow := $route.follow | default dict }}
{{- range list "split" "rollout" }}
{{- if hasKey $route . }}
{{- include "gateway.problem" (list $found (printf "%s.follow" $place) (printf "cannot stand beside `%s`" .) "remove one; the object has the weights") }}
{{- end }}
{{- end }}
{{- if and $follow.mirror (hasKey $route "mirror") }}
{{- include "gateway.problem" (list $found (printf "%s.follow.mirror" $place) "cannot be true beside `mirror`" "keep one") }}
{{- end }}
{{- if and (hasKey $follow "virtualService") (hasKey $follow "httpRoute") }}
{{- include "gateway.problem" (list $found (printf "%s.follow" $place) "has both `virtualService` and `httpRoute`" "keep one") }}
{{- else if not (or (hasKey $follow "virtualService") (hasKey $follow "httpRoute")) }}
{{- include "gateway.problem" (list $found (printf "%s.follow" $place) "needs `virtualService` or `httpRoute`" "the object to follow") }}
{{- end }}
{{- if eq (dig "then" "manual" ($route.rollback | default dict)) "probe" }}
{{- include "gateway.problem" (list $found (printf "%s.rollback.then" $place) "cannot be probe beside `follow`" "the object has the weights; say manual") }}
{{- end }}
{{- include "gateway.checkDestinations" (list $found (printf "%s.versions" $place) $route.versions $names $stable) }}
{{- else }}
{{- range $name := $names }}
{{- $version := get $route.versions $name }}
{{- if kindIs "map" $version }}
{{- if hasKey $version "subset" }}
{{- include "gateway.problem" (list $found (printf "%s.versions.%s.subset" $place $name) "does nothing without `follow`" "remove it") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Prints a host in full: `b.shop` and `b.shop.svc` are one, a short name is only itself. */}}
{{- define "gateway.hostInFull" -}}
{{- $labels := splitList "." . }}
{{- if or (hasSuffix "." .) (contains ":" .) }}{{ trimSuffix "." . }}
{{- else if eq (len $labels) 2 }}{{ . }}.svc.cluster.local
{{- else if and (eq (len $labels) 3) (eq (last $labels) "svc") }}{{ . }}.cluster.local
{{- else }}{{ . }}
{{- end }}
{{- end }}

{{/* Versions that no destination could be, or not one alone. Call with (list found place versions names stable). */}}
{{- define "gateway.checkDestinations" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $versions := index . 2 }}
{{- $stable := index . 4 }}
{{- $subsets := dict }}
{{- $hosts := dict }}
{{- range $name := index . 3 }}
{{- $version := get $versions $name }}
{{- if kindIs "string" $version }}{{ $version = dict "url" $version }}{{ end }}
{{- $host := "" }}
{{- if hasKey $version "url" }}{{ $host = include "gateway.hostInFull" (lower (urlParse $version.url).hostname) }}{{ end }}
{{- if hasKey $version "subset" }}
{{- if hasKey $subsets $version.subset }}
{{- include "gateway.problem" (list $found (printf "%s.%s.subset" $place $name) (printf "is the subset of version %s too" (get $subsets $version.subset)) "a subset is one version") }}
{{- else }}
{{- $_ := set $subsets $version.subset $name }}
{{- end }}
{{- else if and (or (hasKey $version "queue") (hasKey $version "topic")) (ne $name $stable) }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place $name) "can be no destination: it has no `url`" "give it the `subset` it is") }}
{{- else if and $host (hasKey $hosts $host) }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place $name) (printf "has the host of version %s" (get $hosts $host)) "a destination is a host; give one of them a `subset`") }}
{{- else if $host }}
{{- $_ := set $hosts $host $name }}
{{- end }}
{{- end }}
{{- end }}

{{/* Prints JSON of the objects that routes follow, by namespace: {"shop": {"virtualservices": ["b"]}}. */}}
{{- define "gateway.followed" -}}
{{- $own := include "gateway.namespace" . }}
{{- $found := dict }}
{{- range .Values.routes }}
{{- $follow := .follow | default dict }}
{{- range $key, $plural := dict "virtualService" "virtualservices" "httpRoute" "httproutes" }}
{{- with get $follow $key }}
{{- $namespace := ternary (first (splitList "/" .)) $own (contains "/" .) }}
{{- $in := get $found $namespace | default dict }}
{{- $_ := set $in $plural (append (get $in $plural | default list) (last (splitList "/" .)) | uniq | sortAlpha) }}
{{- $_ := set $found $namespace $in }}
{{- end }}
{{- end }}
{{- end }}
{{- range $delegate := .Values.rbac.delegates }}
{{- $namespace := first (splitList "/" .) }}
{{- $in := get $found $namespace | default dict }}
{{- $_ := set $in "virtualservices" (append (get $in "virtualservices" | default list) (last (splitList "/" .)) | uniq | sortAlpha) }}
{{- $_ := set $found $namespace $in }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Prints true where the pods call the Kubernetes API. */}}
{{- define "gateway.callsKubernetes" -}}
{{- if or (eq .Values.state "kubernetes") (include "gateway.followed" . | fromJson) }}true{{ end }}
{{- end }}
