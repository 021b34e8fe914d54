{{/*
"Did you mean": the known word that was most likely meant, found as the gateway finds it (Python's
difflib, Ratcliff and Obershelp), so that both say the same. It runs only where something is wrong.
*/}}

{{/* Prints how many characters two words have in common, in blocks. Call with dict a b of lists. */}}
{{- define "gateway.common" -}}
{{- $best := dict "size" 0 "i" 0 "j" 0 }}
{{- range $i, $x := .a }}
{{- range $j, $y := $.b }}
{{- $size := 0 }}
{{- range $n := until (min (sub (len $.a) $i) (sub (len $.b) $j) | int) }}
{{- if ne (index $.a (add $i $n | int)) (index $.b (add $j $n | int)) }}{{ break }}{{ end }}
{{- $size = add $n 1 | int }}
{{- end }}
{{- if gt $size $best.size }}{{ $best = dict "size" $size "i" $i "j" $j }}{{ end }}
{{- end }}
{{- end }}
{{- if $best.size }}
{{- $afterA := add $best.i $best.size | int }}
{{- $afterB := add $best.j $best.size | int }}
{{- $before := include "gateway.common" (dict "a" (slice .a 0 $best.i) "b" (slice .b 0 $best.j)) | int }}
{{- $after := include "gateway.common" (dict "a" (slice .a $afterA) "b" (slice .b $afterB)) | int }}
{{- add $best.size $before $after }}
{{- else }}0
{{- end }}
{{- end }}

{{/*
Prints the nearest of `known` to `word`, if 2 * common / lengths * 100 is `cutoff` or more.
Of equals the last in the alphabet wins, as with difflib.
*/}}
{{- define "gateway.nearest" -}}
{{- $best := dict "name" "" "common" 0 "lengths" 1 }}
{{- $b := splitList "" .word }}
{{- range $name := .known }}
{{- $a := splitList "" $name }}
{{- $lengths := add (len $a) (len $b) | int }}
{{- $common := include "gateway.common" (dict "a" $a "b" $b) | int }}
{{- if ge (mul 200 $common) (mul $.cutoff $lengths) }}
{{- $here := mul $common $best.lengths }}
{{- $there := mul $best.common $lengths }}
{{- if or (gt $here $there) (and (eq $here $there) (gt $name $best.name)) }}
{{- $best = dict "name" $name "common" $common "lengths" $lengths }}
{{- end }}
{{- end }}
{{- end }}
{{- $best.name }}
{{- end }}

{{/* Prints the hint for a word that is none of `known`. Call with dict word known kind. */}}
{{- define "gateway.meant" -}}
{{- $folded := lower .word }}
{{- $byFold := dict }}
{{- $alike := list }}
{{- range $name := .known }}
{{- if and (le (len $name) 120) (lt (len $byFold) 50) }}
{{- $_ := set $byFold (lower $name) $name }}
{{- end }}
{{- end }}
{{- range $name := keys $byFold }}
{{- if eq (trunc 1 $name) (trunc 1 $folded) }}{{ $alike = append $alike $name }}{{ end }}
{{- end }}
{{- $near := "" }}
{{- if le (len (splitList "" .word)) 60 }}
{{- $near = include "gateway.nearest" (dict "word" $folded "known" $alike "cutoff" 60) }}
{{- if not $near }}
{{- $near = include "gateway.nearest" (dict "word" $folded "known" (keys $byFold) "cutoff" 75) }}
{{- end }}
{{- end }}
{{- if $near }}did you mean {{ index $byFold $near }}?
{{- else if gt (len .known) 50 }}{{ .kind }}: {{ join ", " (slice .known 0 50) }}, ...
{{- else }}{{ .kind }}: {{ join ", " .known }}
{{- end }}
{{- end }}
