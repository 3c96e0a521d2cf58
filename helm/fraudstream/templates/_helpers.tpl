{{- define "fraudstream.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* 40 characters leave room for what Kubernetes adds to the name of a StatefulSet in labels of 63. */}}
{{- define "fraudstream.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "fraudstream.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes, for selectors: (dict "root" $ "component" "detector"). */}}
{{- define "fraudstream.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fraudstream.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "fraudstream.labels" -}}
{{ include "fraudstream.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: fraudstream
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Of pods: nothing that changes with the chart's version, which would replace them for nothing. With "values". */}}
{{- define "fraudstream.podLabels" -}}
{{ include "fraudstream.selectorLabels" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- with .values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What setup and `try` need of the detector's settings: they name the topic of the dead letters. */}}
{{- define "fraudstream.errors" -}}
{{- range $path, $value := include "fraudstream.flat" .Values.detector.config | fromYaml }}
{{- if hasPrefix "errors." $path }}
{{- include "fraudstream.config" (dict $path $value) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Topics that only this release uses, as setup makes them: neither inputs nor claims, which others use, too. */}}
{{- define "fraudstream.topics" -}}
{{- $config := include "fraudstream.flat" .Values.detector.config | fromYaml -}}
{{- $names := list "classified_transactions" "fraud_alerts" -}}
{{- $letters := get $config "errors.deadletterqueue.topic.name" -}}
{{- if not $letters }}{{ $names = append $names "transactions_dlq" }}{{ end -}}
{{- $names = concat $names (list "transactions_dlq_replays" "fraud_labels" "fraud_side_tables" "fraud_state" "fraud_models" "fraud_rollouts" "fraud_status" "fraud_target_states") -}}
{{- $whole := list -}}
{{- range $names }}{{ $whole = append $whole (printf "%s%s" $.Values.topics.prefix .) }}{{ end -}}
{{- if $letters }}{{ $whole = append $whole $letters }}{{ end -}}
{{- join " " $whole -}}
{{- end -}}

{{- define "fraudstream.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "fraudstream.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "fraudstream.operatorAccount" -}}
{{- default (printf "%s-operator" (include "fraudstream.fullname" .)) .Values.operator.serviceAccount.name -}}
{{- end -}}

{{/* (dict "root" $ "image" .Values.detector.image) */}}
{{- define "fraudstream.image" -}}
{{- with .root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ coalesce .image.tag .root.Values.image.tag .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* A value as a variable holds it: Helm reads whole numbers as floats, and would write 1e+06. */}}
{{- define "fraudstream.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- int64 . -}}
{{- else if or (kindIs "map" .) (kindIs "slice" .) -}}
{{- toJson . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/*
Settings by their paths, also those that come as maps, as --set makes them, or with the underscores of their variables.
librdkafka's properties are one setting.
*/}}
{{- define "fraudstream.flat" -}}
{{- $flat := dict }}
{{- range $given, $value := . }}
{{- $path := replace "__" "." $given }}
{{- $found := dict $path $value }}
{{- if and (kindIs "map" $value) (ne $path "kafka.properties") }}
{{- $below := dict }}
{{- range $name, $each := $value }}
{{- $_ := set $below (printf "%s.%s" $path $name) $each }}
{{- end }}
{{- $found = include "fraudstream.flat" $below | fromYaml }}
{{- end }}
{{- range $whole, $each := $found }}
{{- if hasKey $flat $whole }}
{{- fail (printf "The setting %s is given twice, by its path and within a map or with underscores. Give it once." $whole) }}
{{- end }}
{{- $_ := set $flat $whole $each }}
{{- end }}
{{- end }}
{{- toYaml $flat }}
{{- end -}}

{{/* Settings by their paths as variables: errors.tolerance is FRAUD_ERRORS__TOLERANCE. */}}
{{- define "fraudstream.config" -}}
{{- range $path, $value := include "fraudstream.flat" . | fromYaml }}
- name: FRAUD_{{ $path | replace "." "__" | upper }}
  value: {{ include "fraudstream.text" $value | quote }}
{{- end }}
{{- end -}}
