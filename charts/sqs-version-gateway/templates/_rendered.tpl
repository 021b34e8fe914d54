{{/* Objects of others' kinds: what a cluster must have for them, and what to do where it has not. */}}

{{/* Prints true where the cluster has a kind; call with (list root group/version kind). */}}
{{- define "gateway.hasKind" -}}
{{- $versions := (index . 0).Capabilities.APIVersions }}
{{- $group := index . 1 }}
{{- $kind := printf "%s/%s" $group (index . 2) }}
{{- if $versions.Has $kind }}true
{{- else if $versions.Has $group }}
{{- $kinds := false }}
{{- range $versions }}{{ if hasPrefix (printf "%s/" $group) . }}{{ $kinds = true }}{{ end }}{{ end }}
{{- if not $kinds }}true{{ end }}{{/* `helm template --api-versions` may have named the group alone */}}
{{- end }}
{{- end }}

{{/*
The kinds that are asked for, as JSON: a list of {place, api, kind, mode, has}. The place is the value that asks,
`has` whether the cluster knows the kind.
*/}}
{{- define "gateway.askedKinds" -}}
{{- $root := . }}
{{- $values := .Values }}
{{- $rows := list
  (list "keda" $values.keda "keda.sh/v1alpha1" "ScaledObject")
  (list "monitoring.serviceMonitor" $values.monitoring.serviceMonitor "monitoring.coreos.com/v1" "ServiceMonitor")
  (list "monitoring.podMonitor" $values.monitoring.podMonitor "monitoring.coreos.com/v1" "PodMonitor")
  (list "monitoring.prometheusRule" $values.monitoring.prometheusRule "monitoring.coreos.com/v1" "PrometheusRule")
  (list "flagger" $values.flagger "flagger.app/v1beta1" "MetricTemplate")
  (list "argoRollouts" $values.argoRollouts "argoproj.io/v1alpha1" "AnalysisTemplate")
  (list "istio.serviceEntry" $values.istio.serviceEntry "networking.istio.io/v1" "ServiceEntry")
  (list "istio.authorizationPolicy" $values.istio.authorizationPolicy "security.istio.io/v1" "AuthorizationPolicy") }}
{{- $asked := list }}
{{- range $rows }}
{{- $block := index . 1 }}
{{- if $block.enabled }}
{{- $has := include "gateway.hasKind" (list $root (index . 2) (index . 3)) | eq "true" }}
{{- $asked = append $asked (dict "place" (index . 0) "api" (index . 2) "kind" (index . 3) "mode" $block.renderMode "has" $has) }}
{{- end }}
{{- end }}
{{- toJson $asked }}
{{- end }}

{{/* Prints true where the objects of a place are to be made; call with (list root place). */}}
{{- define "gateway.rendered" -}}
{{- $place := index . 1 }}
{{- range include "gateway.askedKinds" (index . 0) | fromJsonArray }}
{{- if and (eq .place $place) (or .has (eq .mode "alwaysRender")) }}true{{ end }}
{{- end }}
{{- end }}

{{/* Prints true where the Deployment says how many pods there are: where no autoscaler does, or is about to. */}}
{{- define "gateway.ownReplicas" -}}
{{- if .Values.hpa.enabled }}
{{- if .Values.hpa.keepReplicas }}true{{ end }}
{{- else if include "gateway.rendered" (list . "keda") }}
{{- if .Values.keda.keepReplicas }}true{{ end }}
{{- else }}true
{{- end }}
{{- end }}
