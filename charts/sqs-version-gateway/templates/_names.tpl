{{/* Names and labels. Each is written in quotes: a release may be called 1234567, true or null. */}}

{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The name of every object: 63 characters at most, and as a Service's name may be. A release's name may have dots
and begin with a digit, which a Service's may not.
*/}}
{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "gateway.name" . }}
{{- $full := printf "%s-%s" .Release.Name $name }}
{{- if contains $name .Release.Name }}{{ $full = .Release.Name }}{{ end }}
{{- $full = replace "." "-" $full }}
{{- if regexMatch "^[0-9]" $full }}{{ $full = printf "gateway-%s" $full }}{{ end }}
{{- $full | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "gateway.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "gateway.configMapName" -}}
{{- default (printf "%s-routes" (include "gateway.fullname" . | trunc 56 | trimSuffix "-")) .Values.existingConfigMap }}
{{- end }}

{{/* global.imageRegistry wins, as in the charts of others. */}}
{{- define "gateway.image" -}}
{{- $repository := .Values.image.repository }}
{{- with .Values.global.imageRegistry | default .Values.image.registry }}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Prints a map of texts, each in quotes. */}}
{{- define "gateway.texts" -}}
{{- range $key, $value := . }}
{{ toRawJson $key }}: {{ toRawJson (toString $value) }}
{{- end }}
{{- end }}

{{/* What never changes in the life of a release. */}}
{{- define "gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gateway.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels of pods: without the chart's version, which would restart them for nothing. */}}
{{- define "gateway.podLabels" -}}
{{- $own := fromYaml (include "gateway.selectorLabels" .) }}
{{- $own = set $own "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_.") }}
{{- $own = set $own "app.kubernetes.io/component" "gateway" }}
{{- if .Values.istio.injection }}
{{- $own = set $own "sidecar.istio.io/inject" (ternary "true" "false" (eq .Values.istio.injection "enabled")) }}
{{- end }}
{{- include "gateway.texts" (mergeOverwrite (dict) .Values.commonLabels .Values.podLabels $own) | trim }}
{{- end }}

{{/* Labels of every object, as a map. */}}
{{- define "gateway.labels" -}}
{{- $own := fromYaml (include "gateway.selectorLabels" .) }}
{{- $own = set $own "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_.") }}
{{- $own = set $own "app.kubernetes.io/component" "gateway" }}
{{- $own = set $own "app.kubernetes.io/part-of" (include "gateway.name" .) }}
{{- $own = set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $own = set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- include "gateway.texts" (mergeOverwrite (dict) .Values.commonLabels $own) | trim }}
{{- end }}

{{/* Annotations, through `tpl`; later maps win. Call with (list $ map ...). */}}
{{- define "gateway.annotations" -}}
{{- $root := first . }}
{{- $all := dict }}
{{- range rest . }}
{{- range $key, $value := . }}
{{- $text := toString $value }}
{{- if contains "{{" $text }}{{ $text = tpl $text $root }}{{ end }}
{{- $_ := set $all $key $text }}
{{- end }}
{{- end }}
{{- include "gateway.texts" $all | trim }}
{{- end }}

{{/* `metadata:` of an object; call with (list $ suffix labels annotations). */}}
{{- define "gateway.metadata" -}}
{{- $root := index . 0 }}
{{- $suffix := index . 1 }}
{{- $name := printf "%s%s" (include "gateway.fullname" $root | trunc (int (sub 63 (len $suffix))) | trimSuffix "-") $suffix -}}
{{- include "gateway.metadataOf" (list $root $name (index . 2) (index . 3)) }}
{{- end }}

{{/* The same of an object with a name of its own; call with (list $ name labels annotations), or a namespace more. */}}
{{- define "gateway.metadataOf" -}}
{{- $root := index . 0 -}}
{{- $namespace := include "gateway.namespace" $root -}}
{{- if gt (len .) 4 }}{{ $namespace = index . 4 }}{{ end -}}
name: {{ index . 1 | quote }}
namespace: {{ $namespace | quote }}
labels:
  {{- $own := fromYaml (include "gateway.labels" $root) }}
  {{- include "gateway.texts" (mergeOverwrite (dict) (index . 2) $own) | trim | nindent 2 }}
{{- with include "gateway.annotations" (list $root $root.Values.commonAnnotations (index . 3)) }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Names of Secrets for pulling, of here and of a parent chart: each a word or {name: word}. */}}
{{- define "gateway.pullSecrets" -}}
{{- $names := list }}
{{- range concat (.Values.global.imagePullSecrets | default list) .Values.image.pullSecrets }}
{{- $names = append $names (ternary . (get (ternary (dict) . (kindIs "string" .)) "name") (kindIs "string" .)) }}
{{- end }}
{{- range $names | uniq }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
