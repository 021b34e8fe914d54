{{/*
What other charts call a value, and what it is called here. values.schema.json lets these names through, so that
they can be answered: Helm itself would only say that they are not allowed.
*/}}
{{- define "gateway.foreignNames" -}}
{{- dict
  "autoscaling" "hpa"
  "config" "routes, or routingFile"
  "containerSecurityContext" "securityContext"
  "deploymentAnnotations" "annotations"
  "deploymentStrategy" "strategy"
  "env" "extraEnv"
  "envFrom" "extraEnvFrom"
  "existingConfigmap" "existingConfigMap"
  "extraDeploy" "extraObjects"
  "extraEnvVars" "extraEnv"
  "extraManifests" "extraObjects"
  "horizontalPodAutoscaler" "hpa"
  "imagePullSecrets" "image.pullSecrets"
  "initContainers" "extraInitContainers"
  "lifecycleHooks" "lifecycle"
  "livenessProbe" "probes.liveness"
  "logLevel" "settings.logLevel"
  "metrics" "monitoring"
  "podDisruptionBudget" "pdb"
  "podMonitor" "monitoring.podMonitor"
  "podMonitors" "monitoring.podMonitor"
  "prometheusRule" "monitoring.prometheusRule"
  "readinessProbe" "probes.readiness"
  "region" "aws.region"
  "replicaCount" "replicas"
  "resourcesPreset" "resources"
  "service" "admin.service"
  "serviceAccountName" "serviceAccount.name"
  "serviceMonitor" "monitoring.serviceMonitor"
  "sidecars" "extraContainers"
  "startupProbe" "probes.startup"
  "terminationGracePeriodSeconds" "settings.drainSeconds"
  "topologySpread" "topologySpreadConstraints"
  "updateStrategy" "strategy"
  "volumeMounts" "extraVolumeMounts"
  "volumes" "extraVolumes" | toJson }}
{{- end }}

{{/* Call with (list found values). */}}
{{- define "gateway.checkForeignNames" -}}
{{- $found := index . 0 }}
{{- $values := index . 1 }}
{{- range $foreign, $own := include "gateway.foreignNames" . | fromJson }}
{{- if hasKey $values $foreign }}
{{- include "gateway.problem" (list $found $foreign (printf "is called %s here" $own) "values.yaml has every value") }}
{{- end }}
{{- end }}
{{- end }}
