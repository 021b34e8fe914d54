{{/* URLs at which a cloud serves credentials, in the words of gateway/config/schema/addresses.py. */}}

{{/* A URL of a version that is a link-local or metadata address. Call with (list found place url). */}}
{{- define "gateway.checkLinkLocal" -}}
{{- $found := index . 0 }}
{{- if and (not $found.allowLinkLocal) (include "gateway.linkLocal" (index . 2)) }}
{{- include "gateway.problem" (list $found (index . 1) "is a link-local or metadata address" "credentials are served there; set GATEWAY_ALLOW_LINK_LOCAL=true if it is meant") }}
{{- end }}
{{- end }}

{{/* Prints true for a URL whose host is such an address, in any way to write it. */}}
{{- define "gateway.linkLocal" -}}
{{- $host := regexReplaceAll "^https?://(\\[[^]]*\\]|[^/?#:]*).*$" . "${1}" | lower | trimPrefix "[" | trimSuffix "]" | trimAll "." }}
{{- if contains ":" $host }}
{{- $hextets := include "gateway.hextets" $host | fromJsonArray }}
{{- if eq (len $hextets) 8 }}
{{- $first := index $hextets 0 | int }}
{{- $second := index $hextets 1 | int }}
{{- $middle := list }}
{{- range slice $hextets 0 6 }}{{ $middle = append $middle (int .) }}{{ end }}
{{- if and (ge $first 0xfe80) (le $first 0xfebf) }}true
{{- else if and (eq $first 0xfd00) (eq $second 0xec2) }}true
{{- else if eq (index $hextets 6 | int) 0xa9fe }}
{{- if has (join ":" $middle) (list "0:0:0:0:0:0" "0:0:0:0:0:65535" "100:65435:0:0:0:0") }}true{{ end }}
{{- end }}
{{- end }}
{{- else }}
{{- include "gateway.linkLocalNumber" $host }}
{{- end }}
{{- end }}

{{/* Prints true for an address of 169.254.0.0/16 in one to four parts, each decimal, octal or hexadecimal. */}}
{{- define "gateway.linkLocalNumber" -}}
{{- $parts := splitList "." . }}
{{- $count := len $parts }}
{{- if and (le $count 4) (regexMatch "^((0x[0-9a-f]{1,12}|0[0-7]{0,12}|[1-9][0-9]{0,12})(\\.|$))+$" .) }}
{{- $fits := true }}
{{- range initial $parts }}
{{- if gt (int64 .) 255 }}{{ $fits = false }}{{ end }}
{{- end }}
{{- $last := last $parts | int64 }}
{{- $rest := index (list 4294967296 16777216 65536 256) (sub $count 1 | int) | int64 }}
{{- if and $fits (lt $last $rest) }}
{{- $upper := div $last 65536 }}
{{- if eq $count 2 }}{{ $upper = add (mul (first $parts | int64) 256) (div $last 65536) }}{{ end }}
{{- if gt $count 2 }}{{ $upper = add (mul (first $parts | int64) 256) (index $parts 1 | int64) }}{{ end }}
{{- if eq (int64 $upper) 43518 }}true{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Prints JSON of the eight numbers of an IPv6 address, fewer or more for what is none. */}}
{{- define "gateway.hextets" -}}
{{- $text := . }}
{{- with regexFind "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$" . }}
{{- $octets := splitList "." . }}
{{- $high := add (mul (index $octets 0 | int64) 256) (index $octets 1 | int64) }}
{{- $low := add (mul (index $octets 2 | int64) 256) (index $octets 3 | int64) }}
{{- $text = printf "%s%x:%x" (trimSuffix . $text) (int64 $high) (int64 $low) }}
{{- end }}
{{- $sides := splitList "::" $text }}
{{- $before := list }}
{{- $after := list }}
{{- range splitList ":" (first $sides) }}{{ if . }}{{ $before = append $before (int64 (printf "0x%s" .)) }}{{ end }}{{ end }}
{{- if eq (len $sides) 2 }}
{{- range splitList ":" (last $sides) }}{{ if . }}{{ $after = append $after (int64 (printf "0x%s" .)) }}{{ end }}{{ end }}
{{- range until (sub 8 (add (len $before) (len $after)) | int | max 0 | int) }}{{ $before = append $before 0 }}{{ end }}
{{- end }}
{{- concat $before $after | toJson }}
{{- end }}
