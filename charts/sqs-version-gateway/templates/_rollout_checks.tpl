{{/* What must fit together in `rollout`, `rollback` and `strict`, in the words of gateway/config/checks/rollouts.py. */}}

{{/* Call with (list found place route names stable). */}}
{{- define "gateway.checkRollouts" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- $names := index . 3 }}
{{- $stable := index . 4 }}
{{- $climbs := hasKey $route "rollout" }}
{{- if and $climbs (hasKey $route "split") }}
{{- include "gateway.problem" (list $found (printf "%s.rollout" $place) "cannot stand beside `split`" "remove one; its steps are the canary's weights") }}
{{- end }}
{{- if and (hasKey $route "rollback") (not $climbs) (not (hasKey $route "split")) (not (hasKey $route "follow")) }}
{{- include "gateway.problem" (list $found (printf "%s.rollback" $place) "does nothing without `split`, `rollout` or `follow`" "add the one that gives the canary its weight") }}
{{- end }}
{{- if and $route.strict (not $climbs) (not (hasKey $route "rollback")) }}
{{- include "gateway.problem" (list $found (printf "%s.strict" $place) "does nothing without `rollout` or `rollback`" "remove it") }}
{{- end }}
{{- if $climbs }}
{{- include "gateway.checkRollout" (list $found (printf "%s.rollout" $place) ($route.rollout | default dict) $names $stable) }}
{{- end }}
{{- if hasKey $route "rollback" }}
{{- include "gateway.checkRollback" (list $found (printf "%s.rollback" $place) $route $names $stable) }}
{{- end }}
{{- end }}

{{/* Call with (list found place rollout names stable). */}}
{{- define "gateway.checkRollout" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $rollout := index . 2 }}
{{- $stable := index . 4 }}
{{- include "gateway.checkTrial" (list $found $place $rollout (index . 3) $stable false) }}
{{- include "gateway.checkDuration" (list $found (printf "%s.every" $place) $rollout "every" 0 2592000 false) }}
{{- include "gateway.checkDuration" (list $found (printf "%s.deadline" $place) $rollout "deadline" 0 2592000 true) }}
{{- include "gateway.checkDuration" (list $found (printf "%s.max_p99" $place) $rollout "max_p99" 0 3600 true) }}
{{- include "gateway.checkSteps" (list $found $place $rollout) }}
{{- $to := dig "to" "stable" ($rollout.compare | default dict) }}
{{- if and $stable (not (has $to (list "stable" $stable))) }}
{{- include "gateway.problem" (list $found (printf "%s.compare.to" $place) "must be stable" "a canary is compared with the stable version alone") }}
{{- end }}
{{- end }}

{{/* Weights that do not rise, steps that last until their deadline. Call with (list found place rollout). */}}
{{- define "gateway.checkSteps" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $rollout := index . 2 }}
{{- $every := include "gateway.seconds" (ternary $rollout.every "10m" (hasKey $rollout "every")) | float64 }}
{{- $deadline := include "gateway.seconds" (ternary $rollout.deadline "24h" (hasKey $rollout "deadline")) | float64 }}
{{- $end := include "gateway.shown" $deadline }}
{{- $usual := not (hasKey $rollout "steps") }}
{{- $before := 0 }}
{{- range $at, $step := $rollout.steps }}
{{- $here := printf "%s.steps[%d]" $place $at }}
{{- $weight := $step }}
{{- $own := dict }}
{{- $where := $here }}
{{- if kindIs "map" $step }}
{{- $weight = $step.weight }}
{{- $own = $step }}
{{- $where = printf "%s.weight" $here }}
{{- end }}
{{- $weight = int $weight }}
{{- if eq $before 100 }}
{{- include "gateway.problem" (list $found $where "comes after 100, which is all" "remove it") }}
{{- else if le $weight $before }}
{{- include "gateway.problem" (list $found $where (printf "is not above %d, a step before it" $before) "steps rise") }}
{{- end }}
{{- $before = max $before $weight | int }}
{{- if hasKey $own "every" }}
{{- include "gateway.checkDuration" (list $found (printf "%s.every" $here) $own "every" 0 2592000 false) }}
{{- if ge (include "gateway.seconds" $own.every | float64) $deadline }}
{{- include "gateway.problem" (list $found (printf "%s.every" $here) (printf "is not below `deadline`, %s" $end) "a step must pass before it") }}
{{- end }}
{{- else }}
{{- $usual = true }}
{{- end }}
{{- end }}
{{- if and $usual (ge $every $deadline) }}
{{- if hasKey $rollout "every" }}
{{- include "gateway.problem" (list $found (printf "%s.every" $place) (printf "is not below `deadline`, %s%s" $end (ternary "" ", by default" (hasKey $rollout "deadline"))) "a step must pass before it") }}
{{- else }}
{{- include "gateway.problem" (list $found (printf "%s.deadline" $place) "is not above `every`, which is 10m by default" "set every too") }}
{{- end }}
{{- end }}
{{- end }}

{{/* Call with (list found place route names stable). */}}
{{- define "gateway.checkRollback" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $route := index . 2 }}
{{- $names := index . 3 }}
{{- $stable := index . 4 }}
{{- $rollback := $route.rollback | default dict }}
{{- include "gateway.checkDuration" (list $found (printf "%s.window" $place) $rollback "window" 1 86400 false) }}
{{- include "gateway.checkDuration" (list $found (printf "%s.cooldown" $place) $rollback "cooldown" 0 86400 false) }}
{{- $differs := false }}
{{- if hasKey $route "rollout" }}
{{- $others := without $names $stable }}
{{- $usual := dict }}
{{- if eq (len $others) 1 }}{{ $_ := set $usual "canary" (first $others) }}{{ end }}
{{- $said := merge dict ($route.rollout | default dict) $usual }}
{{- range $key := list "canary" "revision" }}
{{- if and (hasKey $rollback $key) (ne (get $rollback $key) (get $said $key)) }}
{{- $differs = true }}
{{- if hasKey $said $key }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place $key) (printf "is not that of `rollout`, %s" (include "gateway.quoted" (get $said $key))) "remove it") }}
{{- else }}
{{- include "gateway.problem" (list $found (printf "%s.%s" $place $key) "is not in `rollout`" "say it in `rollout` alone") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if not $differs }}
{{- include "gateway.checkTrial" (list $found $place $rollback $names $stable (hasKey $route "rollout")) }}
{{- end }}
{{- end }}

{{/* A version on trial that is unknown, stable, or not made clear. Call with (list found place part names stable mayBeMissing). */}}
{{- define "gateway.checkTrial" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $part := index . 2 }}
{{- $names := index . 3 }}
{{- $stable := index . 4 }}
{{- $others := without $names $stable }}
{{- if hasKey $part "canary" }}
{{- include "gateway.checkVersionName" (list $found (printf "%s.canary" $place) $part.canary $names) }}
{{- if and $stable (eq $part.canary $stable) }}
{{- include "gateway.problem" (list $found (printf "%s.canary" $place) "is the stable version" "name the version that is to be tried") }}
{{- end }}
{{- else if and $stable (ne (len $others) 1) (not (index . 5)) }}
{{- if $others }}
{{- include "gateway.problem" (list $found (printf "%s.canary" $place) "missing" (printf "which one is on trial: %s" (join ", " $others))) }}
{{- else }}
{{- include "gateway.problem" (list $found $place "has no version to try" "add one beside the stable version") }}
{{- end }}
{{- end }}
{{- end }}
