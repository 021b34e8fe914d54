{{/* Parts of the pod. */}}

{{/* Call with (list path values). */}}
{{- define "gateway.probe" -}}
httpGet:
  path: {{ index . 0 }}
  port: admin
{{ toYaml (index . 1) }}
{{- end }}

{{- define "gateway.env" -}}
- name: GATEWAY_ADMIN_PORT
  value: {{ .Values.admin.port | quote }}
{{- with .Values.admin.host }}
- name: GATEWAY_ADMIN_HOST
  value: {{ . | quote }}
{{- end }}
{{- if .Values.admin.protectReads }}
- name: GATEWAY_ADMIN_PROTECT_READS
  value: "true"
{{- end }}
{{- if .Values.admin.protectMetrics }}
- name: GATEWAY_ADMIN_PROTECT_METRICS
  value: "true"
{{- end }}
- name: GATEWAY_DRAIN_SECONDS
  value: {{ .Values.settings.drainSeconds | quote }}
- name: GATEWAY_LOG_LEVEL
  value: {{ .Values.settings.logLevel | quote }}
- name: GATEWAY_LOG_FORMAT
  value: {{ .Values.settings.logFormat | quote }}
- name: GATEWAY_SQS_CLIENT
  value: {{ .Values.settings.sqsClient | quote }}
- name: GATEWAY_STATE
  value: {{ include "gateway.state" . | quote }}
{{- if not .Values.settings.tcpKeepalive }}
- name: GATEWAY_TCP_KEEPALIVE
  value: "false"
{{- end }}
{{- if .Values.settings.allowLinkLocal }}
- name: GATEWAY_ALLOW_LINK_LOCAL
  value: "true"
{{- end }}
{{- with .Values.admin.token }}
{{- if .secretName }}
- name: GATEWAY_ADMIN_TOKEN
  {{- include "gateway.fromSecret" (list .secretName .key) | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.endpointUrl }}
- name: AWS_ENDPOINT_URL_SQS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.credentialsSecret }}
{{- if .name }}
- name: AWS_ACCESS_KEY_ID
  {{- include "gateway.fromSecret" (list .name .accessKeyIdKey) | nindent 2 }}
- name: AWS_SECRET_ACCESS_KEY
  {{- include "gateway.fromSecret" (list .name .secretAccessKeyKey) | nindent 2 }}
{{- if .sessionTokenKey }}
- name: AWS_SESSION_TOKEN
  {{- include "gateway.fromSecret" (list .name .sessionTokenKey) | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gateway.fromSecret" -}}
valueFrom:
  secretKeyRef:
    name: {{ index . 0 | quote }}
    key: {{ index . 1 | quote }}
{{- end }}

{{/*
Annotations of the pod; the user's own win. A sidecar that is no native one stops 5 s after the
signal by default, which would cut deliveries and deletes off.
Source: terminationDrainDuration of https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig
*/}}
{{- define "gateway.podAnnotations" -}}
{{- $own := dict "kubectl.kubernetes.io/default-container" "gateway" }}
{{- if eq .Values.istio.injection "enabled" }}
{{- $outlive := sub (include "gateway.gracePeriodSeconds" . | int) 5 }}
{{- $proxy := mergeOverwrite (dict "terminationDrainDuration" (printf "%ds" $outlive)) .Values.istio.proxyConfig }}
{{- $_ := set $own "proxy.istio.io/config" (toYaml $proxy) }}
{{- if .Values.aws.podIdentity }}
{{- $_ := set $own "traffic.sidecar.istio.io/excludeOutboundIPRanges" "169.254.170.23/32" }}
{{- end }}
{{- end }}
{{- include "gateway.annotations" (list . $own .Values.commonAnnotations .Values.podAnnotations) }}
{{- end }}
