{{/* Durations as the routing file writes them: 500ms, 20s, 5m, 1h, or a number of seconds. */}}

{{/* Prints the seconds of a duration, with fractions. */}}
{{- define "gateway.seconds" -}}
{{- if not (kindIs "string" .) }}
{{- . }}
{{- else if hasSuffix "ms" . }}
{{- divf (trimSuffix "ms" . | float64) 1000.0 }}
{{- else if hasSuffix "s" . }}
{{- trimSuffix "s" . | float64 }}
{{- else if hasSuffix "m" . }}
{{- mulf (trimSuffix "m" . | float64) 60.0 }}
{{- else if hasSuffix "h" . }}
{{- mulf (trimSuffix "h" . | float64) 3600.0 }}
{{- end }}
{{- end }}

{{/* Prints seconds in their largest whole unit, as the gateway does: 43200 is 12h. */}}
{{- define "gateway.shown" -}}
{{- $seconds := . | int }}
{{- if and $seconds (eq (mod $seconds 3600) 0) }}
{{- div $seconds 3600 }}h
{{- else if and $seconds (eq (mod $seconds 60) 0) }}
{{- div $seconds 60 }}m
{{- else }}
{{- $seconds }}s
{{- end }}
{{- end }}

{{/*
Prints the pod's grace period: max(drain, the longest `wait` of all routes) + 10 s.
A soft stop awaits the long polls under way, so that nothing is stranded (docs/reference/leases-order-stopping.md).
*/}}
{{- define "gateway.gracePeriodSeconds" -}}
{{- $longest := float64 .Values.settings.drainSeconds }}
{{- if eq .Values.routesFrom "elsewhere" }}
{{- $longest = maxf $longest 20.0 }}{{/* its waits are not known here: the longest there is */}}
{{- else }}
{{- range .Values.routes }}
{{- $wait := 20 }}
{{- if and (hasKey . "wait") (not (kindIs "invalid" .wait)) }}{{ $wait = .wait }}{{ end }}
{{- $longest = maxf $longest (include "gateway.seconds" $wait | float64) }}
{{- end }}
{{- end }}
{{- add (ceil $longest | int) 10 }}
{{- end }}
