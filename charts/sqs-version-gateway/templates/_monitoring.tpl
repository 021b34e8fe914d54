{{/* How Prometheus asks for metrics; call with (list root monitor). */}}
{{- define "gateway.scrape" -}}
{{- $root := index . 0 }}
{{- $token := $root.Values.admin.token }}
path: /metrics
{{- with index . 1 }}
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
{{- if $root.Values.admin.protectMetrics }}
authorization:
  credentials:
    name: {{ $token.secretName | quote }}
    key: {{ $token.key | quote }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
