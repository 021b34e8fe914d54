{{/* What the routing file may call a queue: a name, a URL or an ARN. The patterns are the gateway's. */}}

{{/* The DNS suffix of a region's partition. A test holds it to botocore's table of partitions. */}}
{{- define "gateway.dnsSuffix" -}}
{{- $suffix := "amazonaws.com" }}
{{- range $prefix, $own := dict "cn-" "amazonaws.com.cn" "eusc-" "amazonaws.eu" "us-iso-" "c2s.ic.gov" "us-isob-" "sc2s.sgov.gov" "eu-isoe-" "cloud.adc-e.uk" "us-isof-" "csp.hci.ic.gov" "eu-isof-" "csp.hci.ic.gov" }}
{{- if hasPrefix $prefix $ }}{{ $suffix = $own }}{{ end }}
{{- end }}
{{- $suffix }}
{{- end }}

{{/*
Prints JSON of a queue: name, url, region, account, endpoint, each "" where it is not said;
of nothing (an empty object) for what is no queue, or where `region` contradicts it. Call with (list text region).
*/}}
{{- define "gateway.queue" -}}
{{- $text := index . 0 | default "" }}
{{- $told := index . 1 | default "" }}
{{- $name := "(?:[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\\.fifo)" }}
{{- $arn := printf "^arn:aws[a-z-]*:sqs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<name>%s)$" $name }}
{{- $host := "[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\]" }}
{{- $url := printf "^(?P<origin>https?://(?P<host>%s)(?::[0-9]{1,5})?)(?:/(?:queue/)?(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9]))?/(?P<account>[A-Za-z0-9]+)/(?P<name>%s)$" $host $name }}
{{- $dns := "amazonaws\\.(?:com(?:\\.cn)?|eu)|c2s\\.ic\\.gov|sc2s\\.sgov\\.gov|cloud\\.adc-e\\.uk|csp\\.hci\\.ic\\.gov" }}
{{- $suffix := printf "(?:%s|api\\.aws|api\\.amazonwebservices\\.com\\.cn)" $dns }}
{{- $special := printf "^(?:[a-z0-9-]+\\.)?sqs(?:-fips)?\\.(?P<region>[a-z0-9-]+)\\.(?:vpce\\.)?%s$" $suffix }}
{{- $legacy := printf "^(?P<region>[a-z0-9-]+)\\.queue\\.%s$" $suffix }}
{{- $usual := printf "^sqs\\.[a-z0-9-]+\\.(?:%s)$" $dns }}
{{- $found := dict }}
{{- if regexMatch (printf "^%s$" $name) $text }}
{{- $found = dict "name" $text "url" "" "region" "" "account" "" "endpoint" "" }}
{{- else if regexMatch $arn $text }}
{{- $found = dict "name" (regexReplaceAll $arn $text "${name}") "url" "" "region" (regexReplaceAll $arn $text "${region}") "account" (regexReplaceAll $arn $text "${account}") "endpoint" "" }}
{{- else if regexMatch $url $text }}
{{- $at := regexReplaceAll $url $text "${host}" }}
{{- $region := regexReplaceAll $url $text "${region}" }}
{{- $endpoint := regexReplaceAll $url $text "${origin}" }}
{{- if regexMatch $special $at }}
{{- $region = regexReplaceAll $special $at "${region}" }}
{{- if regexMatch $usual $at }}{{ $endpoint = "" }}{{ end }}
{{- else if regexMatch $legacy $at }}
{{- $region = regexReplaceAll $legacy $at "${region}" }}
{{- $endpoint = "" }}
{{- else if eq $at "queue.amazonaws.com" }}
{{- $region = "us-east-1" }}
{{- $endpoint = "" }}
{{- end }}
{{- $found = dict "name" (regexReplaceAll $url $text "${name}") "url" $text "region" $region "account" (regexReplaceAll $url $text "${account}") "endpoint" $endpoint }}
{{- end }}
{{- if not $found }}{}
{{- else if and $told $found.region (ne $told $found.region) }}{}
{{- else }}
{{- set $found "region" (default $told $found.region) | toJson }}
{{- end }}
{{- end }}

{{/* Prints what all ways to call a queue have in common. Call with a queue. */}}
{{- define "gateway.queueIdentity" -}}
{{- $endpoint := ternary "" .endpoint (and (ne .region "") (ne .account "")) }}
{{- list .name .region .account $endpoint | toJson }}
{{- end }}
