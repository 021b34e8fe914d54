{{/* What Flagger and Argo Rollouts ask for. */}}

{{/* Where Flagger's queries go. */}}
{{- define "gateway.flaggerProvider" -}}
type: prometheus
address: {{ .Values.flagger.prometheus | quote }}
{{- with .Values.flagger.secretName }}
secretRef:
  name: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Arguments of an AnalysisTemplate: the route, and the token where reads are protected. */}}
{{- define "gateway.analysisArguments" -}}
- name: route
{{- if .Values.admin.protectReads }}
- name: token
  valueFrom:
    secretKeyRef:
      name: {{ .Values.admin.token.secretName | quote }}
      key: {{ .Values.admin.token.key | quote }}
{{- end }}
{{- end }}

{{/* The request for a verdict. */}}
{{- define "gateway.verdictRequest" -}}
{{- $own := printf "http://%s.%s.svc:%v" (include "gateway.fullname" .) (include "gateway.namespace" .) .Values.admin.service.port -}}
web:
  url: {{ printf "%s/api/routes/{{args.route}}/verdict" (.Values.argoRollouts.url | default $own | trimSuffix "/") | quote }}
  timeoutSeconds: 5
  jsonPath: "{$}"
  {{- if .Values.admin.protectReads }}
  headers:
    - key: Authorization
      value: "Bearer {{ "{{args.token}}" }}"
  {{- end }}
{{- end }}
