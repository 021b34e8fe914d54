{{/* What must fit together in rules, in the words of gateway/config/checks/rules.py. */}}

{{/* Call with (list found place rules names stable). */}}
{{- define "gateway.checkRules" -}}
{{- $found := index . 0 }}
{{- $names := index . 3 }}
{{- $stable := index . 4 }}
{{- $place := index . 1 }}
{{- $taken := dict }}
{{- range $at, $rule := index . 2 | default list }}
{{- $here := printf "%s[%d]" $place $at }}
{{- $name := $rule.name | default (printf "rule-%d" (add1 $at)) }}
{{- if hasKey $taken $name }}
{{- $first := get $taken $name | int }}
{{- if $rule.name }}
{{- include "gateway.problem" (list $found (printf "%s.name" $here) (printf "is the name of rules[%d] too" $first) "") }}
{{- else }}
{{- include "gateway.problem" (list $found $here (printf "its default name, %s, is that of rules[%d]" $name $first) "give one of them another name") }}
{{- end }}
{{- else }}
{{- $_ := set $taken $name $at }}
{{- end }}
{{- if hasKey $rule "to" }}
{{- include "gateway.checkVersionName" (list $found (printf "%s.to" $here) $rule.to $names) }}
{{- end }}
{{- if hasKey $rule "split" }}
{{- include "gateway.checkSplit" (list $found (printf "%s.split" $here) $rule.split $names $stable) }}
{{- end }}
{{- if and (hasKey $rule "to") (hasKey $rule "split") }}
{{- include "gateway.problem" (list $found $here "has both `to` and `split`" "keep one") }}
{{- else if not (or (hasKey $rule "to") (hasKey $rule "split")) }}
{{- include "gateway.problem" (list $found $here "needs `to` or `split`" "which version gets what matches") }}
{{- else if and (hasKey $rule "sticky") (not (hasKey $rule "split")) }}
{{- include "gateway.problem" (list $found (printf "%s.sticky" $here) "does nothing without `split`" "remove it") }}
{{- end }}
{{- if not $rule.match }}
{{- include "gateway.problem" (list $found (printf "%s.match" $here) "is empty" "needs at least one entry") }}
{{- end }}
{{- range $nth, $entry := $rule.match }}
{{- include "gateway.checkMatch" (list $found (printf "%s.match[%d]" $here $nth) $entry) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Call with (list found place entry). */}}
{{- define "gateway.checkMatch" -}}
{{- $found := index . 0 }}
{{- $place := index . 1 }}
{{- $nothing := true }}
{{- range $kind, $asked := index . 2 }}
{{- if $asked }}{{ $nothing = false }}{{ end }}
{{- if has $kind (list "group" "sender" "without_sender") }}
{{- include "gateway.checkCondition" (list $found (printf "%s.%s" $place $kind) $asked) }}
{{- else }}
{{- range $name, $condition := $asked }}
{{- include "gateway.checkCondition" (list $found (printf "%s.%s%s" $place $kind (include "gateway.step" $name)) $condition) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $nothing }}
{{- include "gateway.problem" (list $found $place "asks for nothing, so it would match every message" "the route's own `split` is for the rest") }}
{{- end }}
{{- end }}

{{/* Call with (list found place condition). */}}
{{- define "gateway.checkCondition" -}}
{{- $condition := index . 2 }}
{{- $stated := list }}
{{- range list "exact" "prefix" "regex" "present" }}
{{- if hasKey $condition . }}{{ $stated = append $stated . }}{{ end }}
{{- end }}
{{- if not $condition }}
{{- include "gateway.problem" (list (index . 0) (index . 1) "is empty" "needs one of exact, prefix, regex, present") }}
{{- else if gt (len $stated) 1 }}
{{- include "gateway.problem" (list (index . 0) (index . 1) (printf "has %s, but may have only one of them" (join " and " $stated)) "a regex can say both") }}
{{- end }}
{{- end }}
