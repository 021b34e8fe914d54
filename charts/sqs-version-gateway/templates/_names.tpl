{{/* Names and labels. */}}

{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of every object: 63 characters at most, as a Service's name may have. */}}
{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "gateway.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
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

{{- define "gateway.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* What never changes in the life of a release. */}}
{{- define "gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of pods: without the chart's version, which would restart them for nothing. */}}
{{- define "gateway.podLabels" -}}
{{- $own := fromYaml (include "gateway.selectorLabels" .) }}
{{- $own = set $own "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_.") }}
{{- $own = set $own "app.kubernetes.io/component" "gateway" }}
{{- if .Values.istio.injection }}
{{- $own = set $own "sidecar.istio.io/inject" (ternary "true" "false" (eq .Values.istio.injection "enabled")) }}
{{- end }}
{{- toYaml (mergeOverwrite (dict) .Values.commonLabels .Values.podLabels $own) }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "gateway.labels" -}}
{{- $own := fromYaml (include "gateway.selectorLabels" .) }}
{{- $own = set $own "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_.") }}
{{- $own = set $own "app.kubernetes.io/component" "gateway" }}
{{- $own = set $own "app.kubernetes.io/part-of" (include "gateway.name" .) }}
{{- $own = set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $own = set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (mergeOverwrite (dict) .Values.commonLabels $own) }}
{{- end }}

{{/* `metadata:` of an object; call with (list $ suffix labels annotations). */}}
{{- define "gateway.metadata" -}}
{{- $root := index . 0 }}
{{- $suffix := index . 1 -}}
name: {{ include "gateway.fullname" $root | trunc (int (sub 63 (len $suffix))) | trimSuffix "-" }}{{ $suffix }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- $own := fromYaml (include "gateway.labels" $root) }}
  {{- toYaml (mergeOverwrite (dict) (index . 2) $own) | nindent 2 }}
{{- $annotations := mergeOverwrite (dict) $root.Values.commonAnnotations (index . 3) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
